/** Puts a decoded picture onto a canvas of its size. */
export function drawOn(context: CanvasRenderingContext2D | null, frame: VideoFrame): void {
  if (context === null) return;
  const { canvas } = context;
  const { displayWidth: width, displayHeight: height } = frame;
  // Setting a size clears the canvas: only when it is another one.
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  context.drawImage(frame, 0, 0, width, height);
}
