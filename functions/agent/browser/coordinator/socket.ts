/** The browser's WebSocket. */
import type { OpenSocket } from "../../core/ports.ts";

/** A peer that does not answer a close counts as gone after this; the browser itself would wait for minutes. */
const CLOSE_MS = 2_000;

export const openSocket: OpenSocket = (url, events) => {
  let socket: WebSocket;
  try {
    socket = new WebSocket(url);
  } catch (error) {
    // A page over https may not open ws:, for one.
    setTimeout(() => events.close(1006, error instanceof Error ? error.message : String(error)), 0);
    return { send: () => {}, close: () => {}, bufferedBytes: 0 };
  }
  let over = false;
  const closed = (code: number, reason: string) => {
    if (over) return;
    over = true;
    events.close(code, reason);
  };
  socket.onopen = () => events.open();
  socket.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (!over) events.message(typeof data === "string" ? data : undefined);
  };
  socket.onclose = ({ code, reason }) => closed(code, reason);
  return {
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close(code, reason) {
      // Pages may say 1000 and 3000 to 4999.
      socket.close(code === 1000 || (code >= 3000 && code < 5000) ? code : 1000, reason);
      setTimeout(() => closed(code, reason), CLOSE_MS);
    },
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
  };
};
