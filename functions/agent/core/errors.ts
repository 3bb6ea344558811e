/** How errors become text. */
import { storable, truncateUtf8 } from "./text.ts";

const MAX_CAUSES = 5;

/** The message of anything that was thrown, on one line where it has one. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  return toText(thrown);
}

/** The stack of anything that was thrown, with the stacks of its causes, at most `maxBytes` bytes and storable. */
export function stackOf(thrown: unknown, maxBytes: number): string {
  const parts = [oneStack(thrown)];
  let cause = causeOf(thrown);
  for (let depth = 0; cause !== undefined && depth < MAX_CAUSES; depth++) {
    parts.push(`Caused by: ${oneStack(cause)}`);
    cause = causeOf(cause);
  }
  return truncateUtf8(storable(parts.join("\n")), maxBytes);
}

// Errors that come from a worker are of another realm: look at their shape, not at their prototype.
function oneStack(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return toText(thrown);
  const { name, message, stack } = thrown as { name?: unknown; message?: unknown; stack?: unknown };
  const head = typeof message === "string" ? (typeof name === "string" ? `${name}: ${message}` : message) : undefined;
  if (typeof stack !== "string" || stack === "") return head ?? toText(thrown);
  // Node.js keeps the message in the stack; other engines do not.
  return head === undefined || stack.includes(String(message)) ? stack : `${head}\n${stack}`;
}

function causeOf(thrown: unknown): unknown {
  return typeof thrown === "object" && thrown !== null ? (thrown as { cause?: unknown }).cause : undefined;
}

function toText(value: unknown): string {
  if (typeof value === "object" && value !== null) {
    try {
      return JSON.stringify(value) ?? Object.prototype.toString.call(value);
    } catch {
      return Object.prototype.toString.call(value); // circular, or a getter that throws
    }
  }
  return String(value);
}
