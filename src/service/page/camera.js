// The visitor's camera: its frames go to a painter, by the server (server.js) or in this browser (browser.js), and what comes
// back is shown.

// The longer side that the camera is asked for, in pixels.
const SIDE = 640;
// Below so many frames per second, smaller ones are painted.
const SLOW = 8;
// Milliseconds from frame to frame, at least.
const PACE = 33;

export class Camera {
  // Paints on `canvas`; tells `numbers` frames per second and milliseconds, `failed` a sentence.
  constructor(canvas, numbers, failed) {
    Object.assign(this, { canvas, numbers, failed, sent: new Map(), number: 0 });
  }

  async open(painter, settings) {
    if (!navigator.mediaDevices) {
      throw new Error("Browsers give the camera only to pages of this machine (localhost) and to https; open the page on the computer that runs impasto, or choose a photo instead.");
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: SIDE }, facingMode: "user" }, audio: false });
    } catch (error) {
      throw new Error(error.name === "NotAllowedError" ? "The browser was not allowed to use the camera; allow it beside the address." : `There is no camera to use: ${error.message}`);
    }
    this.video = Object.assign(document.createElement("video"), { srcObject: this.stream, muted: true, playsInline: true });
    await this.video.play();
    this.small = document.createElement("canvas");
    await this.use(painter, settings);
    this.timer = setInterval(() => this.send(), PACE);
  }

  // Changes to another painter; if it cannot be opened, the one before stays.
  async use(painter, settings) {
    const current = () => this.painter === painter && this.stream;
    try {
      await painter.open(settings, (number, picture) => current() ? this.receive(number, picture) : picture.close(), words => {
        if (!current()) return;
        // What was on its way may never come back.
        this.sent.clear();
        this.failed(words);
      });
    } catch (error) {
      painter.close();
      throw error;
    }
    if (!this.stream) return painter.close();
    this.painter?.close();
    Object.assign(this, { painter, shown: [], latencies: [] });
    this.sent.clear();
    this.size(painter.sides[0]);
  }

  // Sends frames whose longer side has `side` pixels.
  size(side) {
    const scale = Math.min(1, side / Math.max(this.video.videoWidth, this.video.videoHeight));
    const [width, height] = [this.video.videoWidth, this.video.videoHeight].map(side => Math.round(side * scale));
    Object.assign(this.small, { width, height });
    Object.assign(this, { side, sized: performance.now() });
  }

  set(settings) {
    this.painter.set(settings);
  }

  send() {
    const now = performance.now();
    if (this.sent.size >= this.painter.underWay) {
      // One that could not be painted never comes back.
      for (const [number, when] of this.sent) if (now - when > 20_000) this.sent.delete(number);
      return;
    }
    const number = this.number = (this.number + 1) % 2 ** 32;
    this.sent.set(number, now);
    const context = this.small.getContext("2d", { willReadFrequently: true });
    // As in a mirror.
    context.setTransform(-1, 0, 0, 1, this.small.width, 0);
    context.drawImage(this.video, 0, 0, this.small.width, this.small.height);
    this.painter.send(number, this.small);
  }

  receive(number, picture) {
    const begun = this.sent.get(number);
    // Older ones were replaced.
    for (const other of this.sent.keys()) if (other <= number) this.sent.delete(other);
    const { width, height } = picture;
    // A recording keeps its size; setting a size clears the canvas.
    if (this.canvas.width !== width && !this.recorder) Object.assign(this.canvas, { width, height });
    this.canvas.getContext("2d").drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
    picture.close();
    const now = performance.now();
    this.shown = [...this.shown.filter(when => now - when < 3000), now];
    if (begun) this.latencies = [...this.latencies.slice(-20), now - begun];
    const latency = [...this.latencies].sort((a, b) => a - b)[this.latencies.length >> 1] ?? 0;
    const seconds = (now - this.shown[0]) / 1000;
    const fps = seconds > 0.3 ? (this.shown.length - 1) / seconds : 0;
    this.numbers(fps, latency);
    const least = this.painter.sides[1];
    if (fps < SLOW && this.side > least && now - this.sized > 4000 && !this.recorder) this.size(Math.max(least, this.side * 0.7));
    // Not only when the clock ticks: a slow painter need not wait for it.
    if (begun && now - begun >= PACE) this.send();
  }

  // The painting as a picture.
  snapshot() {
    return new Promise(resolve => this.canvas.toBlob(resolve, "image/png"));
  }

  // Starts to record what is painted; the promise of `stop` is the film.
  record() {
    const kind = ["video/mp4", "video/webm;codecs=vp9", "video/webm"].find(kind => MediaRecorder.isTypeSupported(kind));
    const recorder = new MediaRecorder(this.canvas.captureStream(30), { mimeType: kind, videoBitsPerSecond: 6e6 });
    const chunks = [];
    recorder.ondataavailable = event => chunks.push(event.data);
    this.recorded = new Promise(resolve => {
      recorder.onstop = () => resolve(new Blob(chunks, { type: recorder.mimeType }));
    });
    recorder.start(1000);
    this.recorder = recorder;
  }

  stopRecording() {
    this.recorder.stop();
    this.recorder = null;
    return this.recorded;
  }

  close() {
    clearInterval(this.timer);
    if (this.recorder) this.recorder.stop();
    this.stream?.getTracks().forEach(track => track.stop());
    this.stream = null;
    this.painter?.close();
  }
}
