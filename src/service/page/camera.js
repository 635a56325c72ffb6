// The visitor's camera, painted by the service: frames go out over a WebSocket and come back as paintings.

// Frames that are on their way at most: one is painted, one is ready for when that is done.
const UNDER_WAY = 2;
// The longer side of what is sent, in pixels: the first, and the least that a slow machine gets.
const SIDE = 640;
const LEAST = 320;
// Below so many frames per second, smaller ones are sent.
const SLOW = 8;

export class Camera {
  // Paints on `canvas`; tells `numbers` frames per second and milliseconds, `failed` a sentence.
  constructor(canvas, numbers, failed) {
    Object.assign(this, { canvas, numbers, failed, sent: new Map(), number: 0, shown: [], latencies: [] });
  }

  async open(settings) {
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
    this.size(SIDE);
    const address = new URL("api/v1/live", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    await new Promise((resolve, reject) => {
      this.socket.onopen = resolve;
      this.socket.onerror = () => reject(new Error("The service does not take the camera now; too many may be painted already."));
    });
    this.socket.onmessage = event => this.receive(event.data);
    this.socket.onclose = () => this.stream && this.failed("The connection to impasto has ended.");
    this.set(settings);
    this.timer = setInterval(() => this.send(), 33);
  }

  // Sends frames whose longer side has `side` pixels.
  size(side) {
    const scale = Math.min(1, side / Math.max(this.video.videoWidth, this.video.videoHeight));
    const [width, height] = [this.video.videoWidth, this.video.videoHeight].map(side => Math.round(side * scale));
    Object.assign(this.small, { width, height });
    Object.assign(this, { side, sized: performance.now() });
  }

  set(settings) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(settings));
  }

  send() {
    if (this.sent.size >= UNDER_WAY) {
      // One that could not be painted never comes back.
      for (const [number, when] of this.sent) if (performance.now() - when > 20_000) this.sent.delete(number);
      return;
    }
    const number = this.number = (this.number + 1) % 2 ** 32;
    this.sent.set(number, performance.now());
    const context = this.small.getContext("2d", { willReadFrequently: true });
    // As in a mirror.
    context.setTransform(-1, 0, 0, 1, this.small.width, 0);
    context.drawImage(this.video, 0, 0, this.small.width, this.small.height);
    this.small.toBlob(async blob => {
      if (!blob || this.socket?.readyState !== WebSocket.OPEN) return;
      const head = new DataView(new ArrayBuffer(4));
      head.setUint32(0, number);
      this.socket.send(await new Blob([head, blob]).arrayBuffer());
    }, "image/jpeg", 0.85);
  }

  async receive(data) {
    if (typeof data === "string") {
      this.sent.clear();
      this.failed(JSON.parse(data).detail);
      return;
    }
    const number = new DataView(data).getUint32(0);
    const begun = this.sent.get(number);
    // Older ones were replaced.
    for (const other of this.sent.keys()) if (other <= number) this.sent.delete(other);
    const picture = await createImageBitmap(new Blob([new Uint8Array(data, 4)], { type: "image/jpeg" }));
    if (!this.stream) return;
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
    if (fps < SLOW && this.side > LEAST && now - this.sized > 4000 && !this.recorder) this.size(Math.max(LEAST, this.side * 0.7));
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
    this.socket?.close();
  }
}
