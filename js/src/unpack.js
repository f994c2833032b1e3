// @ts-check
// The probabilities of a large model, packed by claude_nb/widgets/lens_local.py: the first as they are, and of all
// others the distance to the one before, in logarithms and a byte each.

export const NAMED = 200; // tokens whose names are known, too
const GRAIN = 2 ** -12;
const MORE = 255; // adds so much, and the next byte goes on

/** The most likely first. @param {DataView} view @returns {Float32Array} */
export function unpack(view) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const head = new Float32Array(bytes.slice(0, 4 * NAMED).buffer);
  const tail = bytes.subarray(4 * NAMED);
  const p = new Float32Array(head.length + tail.reduce((count, byte) => count + (byte < MORE ? 1 : 0), 0));
  p.set(head);
  let [far, at] = [0, head.length];
  for (const byte of tail) {
    far += byte;
    if (byte === MORE) continue;
    p[at] = head[head.length - 1] * Math.exp(-far * GRAIN);
    at += 1;
  }
  return p;
}
