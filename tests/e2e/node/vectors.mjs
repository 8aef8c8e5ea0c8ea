// Judges the signature vectors, read from standard input, with two libraries that others wrote, at the vectors' own
// moment. Prints {"<case>": {"standardwebhooks": true, "stripe": false}, …}: who accepts which.
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";

const { now, toleranceSeconds, cases } = JSON.parse(await text(process.stdin));
// standardwebhooks asks the clock itself; stripe is told the moment.
Date.now = () => now * 1000;
const stripe = new Stripe("unused").webhooks;

const libraries = {
  standardwebhooks: ({ headers, body, secret }) => new Webhook(secret).verify(body, headers),
  stripe: ({ headers, body, secret }) =>
    stripe.constructEvent(body, headers["X-Sedifex-Signature"], secret, toleranceSeconds, undefined, now * 1000),
};

const accepts = (verify, vector) => {
  try {
    verify(vector);
    return true;
  } catch {
    return false;
  }
};

const verdicts = cases.map((vector) => [
  vector.name,
  Object.fromEntries(Object.entries(libraries).map(([name, verify]) => [name, accepts(verify, vector)])),
]);
console.log(JSON.stringify(Object.fromEntries(verdicts)));
