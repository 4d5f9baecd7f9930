"""The forge's database: `store.Store` opens it, `database` queries it, one module per area declares tables."""
