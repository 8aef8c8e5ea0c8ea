// Verifies one delivery, read from standard input as {"headers","body","secret"}, with two libraries that others wrote.
// Prints one line a library, "standardwebhooks accepts" or "stripe refuses"; ends with status 0 either way.
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";

const { headers, body, secret } = JSON.parse(await text(process.stdin));

const libraries = {
  standardwebhooks: () => new Webhook(secret).verify(body, headers),
  // The key is an API key of Stripe's, which verifying does not use.
  stripe: () => new Stripe("unused").webhooks.constructEvent(body, headers["x-sedifex-signature"], secret),
};

for (const [name, verify] of Object.entries(libraries)) {
  try {
    const event = verify();
    console.log(`${name} accepts ${event.id}`);
  } catch (problem) {
    console.log(`${name} refuses: ${problem.message.split("\n")[0]}`);
  }
}
