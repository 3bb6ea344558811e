/** The agent's own lines, on stderr, in the two shapes that the Go side's slog has, so that one tool reads both. */
import type { Fields, Logger } from "../core/ports.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** A logger that writes whole lines with `write`. Fields that are undefined are left out. */
export function createLogger(format: LogFormat, level: LogLevel, write: (line: string) => void): Logger {
  const lowest = LOG_LEVELS.indexOf(level);
  const at =
    (of: LogLevel) =>
    (message: string, fields: Fields = {}) => {
      if (LOG_LEVELS.indexOf(of) < lowest) return;
      const record = { time: new Date().toISOString(), level: of.toUpperCase(), msg: message, ...fields };
      write(format === "json" ? `${JSON.stringify(record)}\n` : `${text(record)}\n`);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function text(record: Fields): string {
  const pairs = Object.entries(record).filter(([, value]) => value !== undefined);
  return pairs.map(([key, value]) => `${key}=${quoted(String(value))}`).join(" ");
}

/** Quoted where a reader would otherwise not know where the value ends. */
function quoted(value: string): string {
  return value === "" || /[\s"=\p{Cc}]/u.test(value) ? JSON.stringify(value) : value;
}
