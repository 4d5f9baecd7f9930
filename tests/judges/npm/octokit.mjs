// What an octokit user does, one function per scenario: `node octokit.mjs NAME`.
// FORGE_URL, FORGE_TOKEN and FORGE_REPO (owner/name) say where; APP_TOKEN is that of an App, which reports checks.
import assert from "node:assert/strict";
import { Octokit, RequestError } from "octokit";

const { FORGE_URL: baseUrl, FORGE_TOKEN: auth, FORGE_REPO, APP_TOKEN } = process.env;
const [owner, repo] = FORGE_REPO.split("/");
const client = (auth) => new Octokit({ auth, baseUrl, retry: { enabled: false }, throttle: { enabled: false } });
const octokit = client(auth);
const { rest } = octokit;

const scenarios = {
  async reading() {
    const { data: me } = await rest.users.getAuthenticated();
    assert.equal(me.login, "olga");
    const { data } = await rest.repos.get({ owner, repo });
    assert.equal(data.full_name, FORGE_REPO);
    const { data: readme } = await rest.repos.getReadme({ owner, repo, mediaType: { format: "raw" } });
    assert.equal(readme, "# Widget\n");
    const { data: tree } = await rest.git.getTree({ owner, repo, tree_sha: "main", recursive: "1" });
    assert.ok(tree.tree.some((entry) => entry.path === "src/widget.py"));
  },

  async paginating() {
    for (let number = 1; number <= 5; number++) {
      await rest.issues.create({ owner, repo, title: `Issue ${number}` });
    }
    const options = { owner, repo, per_page: 2, state: "all" };
    const all = await octokit.paginate(rest.issues.listForRepo, options);
    assert.deepEqual(all.map((issue) => issue.number), [5, 4, 3, 2, 1]);
    const first = await rest.issues.listForRepo(options);
    await assert.rejects(
      rest.issues.listForRepo({ ...options, headers: { "if-none-match": first.headers.etag } }),
      (error) => error instanceof RequestError && error.status === 304,
    );
  },

  async proposing() {
    const { data: main } = await rest.git.getRef({ owner, repo, ref: "heads/main" });
    await rest.git.createRef({ owner, repo, ref: "refs/heads/topic", sha: main.object.sha });
    const content = Buffer.from("new\n").toString("base64");
    const file = { owner, repo, path: "new.txt", message: "Add", content, branch: "topic" };
    const { data: made } = await rest.repos.createOrUpdateFileContents(file);
    const { data: pull } = await rest.pulls.create({ owner, repo, title: "New", head: "topic", base: "main" });
    const pull_number = pull.number;
    const { data: diff } = await rest.pulls.get({ owner, repo, pull_number, mediaType: { format: "diff" } });
    assert.match(diff, /^diff --git a\/new.txt b\/new.txt/);
    const app = client(APP_TOKEN);
    await app.rest.checks.create({ owner, repo, name: "unit", head_sha: made.commit.sha, conclusion: "success" });
    await rest.repos.createCommitStatus({ owner, repo, sha: made.commit.sha, state: "success", context: "lint" });
    const { data: merged } = await rest.pulls.merge({ owner, repo, pull_number, merge_method: "merge" });
    assert.equal(merged.merged, true);
    const { data: commit } = await rest.repos.getCommit({ owner, repo, ref: "main" });
    assert.equal(commit.parents.length, 2);
  },

  async graphql() {
    const asked = `query ($owner: String!, $repo: String!, $cursor: String) {
      repository(owner: $owner, name: $repo) {
        labels(first: 3, after: $cursor) { nodes { name } pageInfo { hasNextPage endCursor } } } }`;
    const found = await octokit.graphql.paginate(asked, { owner, repo });
    assert.ok(found.repository.labels.nodes.length > 3);
    await assert.rejects(
      octokit.graphql("{ repository(owner: \"acme\", name: \"none\") { id } }"),
      (error) => error.errors[0].type === "NOT_FOUND",
    );
  },

  async refusing() {
    const stranger = new Octokit({ auth: "wrong", baseUrl, retry: { enabled: false } });
    const refused = (status) => (error) => error instanceof RequestError && error.status === status;
    await assert.rejects(stranger.rest.users.getAuthenticated(), refused(401));
    await assert.rejects(rest.repos.get({ owner, repo: "none" }), refused(404));
    await assert.rejects(rest.issues.createLabel({ owner, repo, name: "x", color: "wrong" }), refused(422));
    await assert.rejects(rest.git.deleteRef({ owner, repo, ref: "heads/none" }), refused(422));
  },
};

await scenarios[process.argv[2]]();
