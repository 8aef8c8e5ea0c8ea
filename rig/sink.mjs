// A partner's server that takes as many deliveries as the machine has room for: HTTP/1.1 over plain sockets, nothing
// read but the path, the id and the length. What comes to /hang/… is answered after HANG_MS, to /late/… after LATE_MS,
// to /fail/… with 500, all else with 204 at once. With a log, every delivery is a line in it as it comes,
// "<unix ms> <path> <webhook-id> <webhook-timestamp>", written before the answer: what is not in it has not been answered.
import { createServer } from "node:net";
import { openSync, writeSync } from "node:fs";

const [port, log, hangMs, lateMs] = process.argv.slice(2);
const file = log ? openSync(log, "a") : null;
const ANSWER = Buffer.from("HTTP/1.1 204 No Content\r\n\r\n");
const FAILURE = Buffer.from("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
let lines = [];

function flush() {
  if (lines.length) {
    writeSync(file, lines.join(""));
    lines = [];
  }
}

function find(head, name) {
  const start = head.indexOf(name);
  return start < 0 ? "" : head.slice(start + name.length, head.indexOf("\r\n", start)).trim();
}

createServer({ noDelay: true }, (socket) => {
  let kept = null;
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    kept = kept ? Buffer.concat([kept, chunk]) : chunk;
    for (;;) {
      const end = kept.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = kept.latin1Slice(0, end + 2);
      const total = end + 4 + Number(find(head, "Content-Length:") || 0);
      if (kept.length < total) return;
      kept = kept.length > total ? kept.subarray(total) : null;
      const path = head.slice(5, head.indexOf(" ", 5));
      if (file !== null) {
        lines.push(`${(performance.timeOrigin + performance.now()).toFixed(2)} ${path} ${find(head, "webhook-id:")} ${find(head, "webhook-timestamp:")}\n`);
        flush();
      }
      const answer = path.startsWith("/fail") ? FAILURE : ANSWER;
      const wait = path.startsWith("/hang") ? Number(hangMs) : path.startsWith("/late") ? Number(lateMs) : 0;
      if (wait) setTimeout(() => socket.destroyed || socket.write(answer), wait);
      else socket.write(answer);
      if (!kept) return;
    }
  });
}).listen(Number(port), "127.0.0.1", 4096);
