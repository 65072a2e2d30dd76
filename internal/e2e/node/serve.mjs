// Starts one of the services on a free port of 127.0.0.1, prints the port, and ends with its standard input, so that it never
// outlives the test that started it.
import { buildApp } from "fauxqs";
import { createSqsServer } from "local-aws-sqs";

const services = {
  fauxqs: async () => {
    const app = buildApp({ logger: false });
    await app.listen({ port: 0, host: "127.0.0.1" });
    return app.server;
  },
  "local-aws-sqs": () => createSqsServer({ port: 0, hostname: "127.0.0.1" }),
};

const server = await services[process.argv[2]]();
console.log(server.address().port);
process.stdin.resume().on("end", () => process.exit());
