// A Probot app that greets whoever opens an issue. It prints its port and serves until it is ended.
import http from "node:http";
import { Probot, createNodeMiddleware } from "probot";

const { FORGE_URL: baseUrl, FORGE_TOKEN: githubToken, HOOK_SECRET: secret } = process.env;
const { APP_ID: appId, APP_KEY: privateKey } = process.env;
const identity = appId ? { appId, privateKey } : { githubToken };
const probot = new Probot({ ...identity, secret, baseUrl, logLevel: "error" });

function greeter(app) {
  app.on("issues.opened", async (context) => {
    const body = `Hello ${context.payload.issue.user.login}`;
    await context.octokit.rest.issues.createComment(context.issue({ body }));
  });
}

const middleware = await createNodeMiddleware(greeter, { probot, webhooksPath: "/hooks" });
const server = http.createServer(middleware);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
