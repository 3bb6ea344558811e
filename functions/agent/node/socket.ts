/** The WebSocket of Node.js 20, which has none of its own: the package ws. */
import { WebSocket } from "ws";
import type { OpenSocket, SocketEvents } from "../core/ports.ts";
import { MAX_FRAME_BYTES } from "../core/protocol.ts";

const HANDSHAKE_MS = 10_000;
/** A peer that does not answer a close is cut off after this. */
const CLOSE_MS = 2_000;

export const openSocket: OpenSocket = (url, events) => {
  // The envelope's own limit is checked by the core, which answers; this one only keeps memory bounded.
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: MAX_FRAME_BYTES + 1024, handshakeTimeout: HANDSHAKE_MS });
  let problem = "";
  let cutOff: NodeJS.Timeout | undefined;
  socket.on("open", () => events.open());
  socket.on("message", (data, isBinary) => events.message(isBinary ? undefined : textOf(data)));
  socket.on("error", (error) => {
    problem = error.message;
  });
  socket.on("close", (code, reason) => {
    clearTimeout(cutOff);
    closed(events, code, reason.toString() || problem);
  });
  return {
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close(code, reason) {
      socket.close(code, reason);
      cutOff ??= setTimeout(() => socket.terminate(), CLOSE_MS);
    },
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
  };
};

function closed(events: SocketEvents, code: number, reason: string): void {
  events.close(code, reason);
}

function textOf(data: Buffer | ArrayBuffer | Buffer[]): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString("utf8");
  return Buffer.isBuffer(data) ? data.toString("utf8") : Buffer.from(data).toString("utf8");
}
