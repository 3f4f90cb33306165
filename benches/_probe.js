// Put into the page: reads the number out of the pictures on the screen, once an animation frame.
// The geometry is that of sim/counter.py.
globalThis.probe = (() => {
  const CELLS = 40, PER_CELL = 4, WIDTH = CELLS * PER_CELL;
  const canvas = new OffscreenCanvas(WIDTH, 1);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const MARKER = [1, 1, 0, 1, 0, 1, 0, 0];
  let looks = [], clicked = 0, running = 0;

  const now = () => performance.timeOrigin + performance.now();

  function crc8(bytes) {
    let crc = 0xff;
    for (const byte of bytes) {
      crc ^= byte;
      for (let i = 0; i < 8; i += 1) crc = ((crc << 1) ^ (crc & 0x80 ? 0x07 : 0)) & 0xff;
    }
    return crc;
  }

  // [tag, frame] of what the element shows, null when nothing can be read with certainty.
  function read(element) {
    const video = element instanceof HTMLVideoElement;
    if (video && element.readyState < 2) return null;
    const width = video ? element.videoWidth : element.width;
    const height = video ? element.videoHeight : element.height;
    if (width === 0 || height === 0) return null;
    const top = (height * 44.25) / 45;
    context.drawImage(element, 0, top, (width * CELLS) / 64, height / 90, 0, 0, WIDTH, 1);
    const { data } = context.getImageData(0, 0, WIDTH, 1);
    const gray = Array.from({ length: CELLS }, (_, cell) => {
      const at = (cell * PER_CELL + 1) * 4 + 1;
      return (data[at] + data[at + 4]) / 2;
    });
    const marks = [...gray.slice(0, 4), ...gray.slice(-4)];
    const mean = (bit) => marks.reduce((sum, g, i) => sum + (MARKER[i] === bit ? g : 0), 0) / 4;
    const [light, dark] = [mean(1), mean(0)];
    if (light - dark < 50) return null;
    const bits = gray.map((g) => Number(g > (light + dark) / 2));
    const byte = (from) => bits.slice(from, from + 8).reduce((sum, bit) => sum * 2 + bit, 0);
    const [high, low, tag] = [byte(4), byte(12), byte(20)];
    const marked = [...bits.slice(0, 4), ...bits.slice(-4)].every((bit, i) => bit === MARKER[i]);
    return marked && byte(28) === crc8([high, low, tag]) ? [tag, high * 256 + low] : null;
  }

  function look(run) {
    if (run !== running) return;
    for (const { selector, seen } of looks) {
      const element = document.querySelector(selector);
      const found = element === null ? null : read(element);
      const last = seen.at(-1);
      if (found !== null && (last?.[0] !== found[0] || last?.[1] !== found[1])) {
        seen.push([...found, now()]);
      }
    }
    requestAnimationFrame(() => look(run));
  }

  addEventListener(
    'dblclick',
    (event) => {
      clicked = performance.timeOrigin + event.timeStamp;
    },
    { capture: true },
  );

  return {
    // Look at what each selector finds, from now on.
    start(...selectors) {
      looks = selectors.map((selector) => ({ selector, seen: [] }));
      running += 1;
      look(running);
    },
    stop() {
      running += 1;
    },
    // What the selector of this number has found: [tag, frame, unix milliseconds] of each picture.
    seen(which = 0) {
      return looks[which].seen;
    },
    // Milliseconds from the click to the first picture of camera `tag` that was no older than
    // `live_ms` when it was seen; 0 while there is none.
    found(which, tag, fps, frames, live_ms) {
      const found = looks[which].seen.find(([whose, frame, at]) => {
        const old = ((((at / 1000) * fps - frame) % frames) + frames) % frames;
        return whose === tag && at > clicked && (old / fps) * 1000 <= live_ms;
      });
      return found === undefined ? 0 : found[2] - clicked;
    },
  };
})();
