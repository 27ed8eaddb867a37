/**
 * Calls `callback` in a turn of its own, when all that is to be done in this one is done; without the milliseconds that
 * a timer takes for it.
 */
export function soon(callback: () => void): void {
  if (typeof setImmediate === 'function') {
    setImmediate(callback);
    return;
  }
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    callback();
  };
  port2.postMessage(null);
}
