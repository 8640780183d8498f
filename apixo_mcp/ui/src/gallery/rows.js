// @ts-check
/** Rows that are all as wide as the page: where the tiles of known shapes stand, before any picture has come. */

/** @typedef {{x: number, y: number, w: number, h: number}} Box where a tile stands; `h` without its caption */
/** @typedef {{width: number, target: number, gap: number, caption: number}} Room */

const MOST_IN_A_ROW = 24;
const TALLEST = 1.5;

/** Breaks tiles into rows such that their heights are as near to the wished one as they can be, all of them full.
 *  @param {number[]} shapes width by height of each @param {Room} room @param {boolean} isEnd whether nothing follows: then the last row may stay short
 *  @returns {{boxes: Box[], height: number}} */
export function rows(shapes, { width, target, gap, caption }, isEnd) {
  const n = shapes.length, best = new Float64Array(n + 1).fill(Infinity), from = new Int32Array(n + 1);
  best[0] = 0;
  for (let end = 1; end <= n; end++) {
    let sum = 0;
    for (let start = end - 1; start >= 0 && end - start <= MOST_IN_A_ROW; start--) {
      sum += /** @type {number} */ (shapes[start]);
      const height = (width - gap * (end - start - 1)) / sum;
      const off = isEnd && end === n && height > target ? 0 : (height - target) / target;
      // A row that is too high is worse than one that is too low: pictures are not to grow beyond the screen.
      const cost = /** @type {number} */ (best[start]) + (off > 0 ? 2 : 1) * off * off;
      if (cost < /** @type {number} */ (best[end])) {
        best[end] = cost;
        from[end] = start;
      }
      if (height < target / 3) break;
    }
  }
  const ends = [];
  for (let end = n; end > 0; end = /** @type {number} */ (from[end])) ends.unshift(end);
  const boxes = /** @type {Box[]} */ ([]);
  let y = 0, start = 0;
  for (const end of ends) {
    const row = shapes.slice(start, end), full = (width - gap * (row.length - 1)) / row.reduce((sum, one) => sum + one, 0);
    const h = Math.min(full, isEnd && end === n ? target : target * TALLEST);
    let x = 0;
    for (const shape of row) {
      boxes.push({ x, y, w: shape * h, h });
      x += shape * h + gap;
    }
    y += h + caption + gap;
    start = end;
  }
  return { boxes, height: y };
}
