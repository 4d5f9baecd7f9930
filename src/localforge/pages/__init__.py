"""The forge's web pages: what a person sees where the API's answers say `html_url`. Reading only; no JavaScript."""
