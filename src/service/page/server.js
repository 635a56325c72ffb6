// Has frames painted by the service: they go out over a WebSocket and come back as paintings.

export class ByServer {
  words = "painted by the server";
  // The longer side of a frame, in pixels: the first, and the least that a slow machine gets.
  sides = [640, 320];
  // Frames that are on their way at most: one is painted, one is ready for when that is done.
  underWay = 2;

  // Tells `painted` the number of a frame and its painting, `failed` a sentence.
  async open(settings, painted, failed) {
    const address = new URL("api/v1/live", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    await new Promise((resolve, reject) => {
      this.socket.onopen = resolve;
      this.socket.onerror = () => reject(new Error("The service does not take the camera now; too many may be painted already."));
    });
    this.socket.onmessage = async ({ data }) => {
      if (typeof data === "string") return failed(JSON.parse(data).detail);
      const number = new DataView(data).getUint32(0);
      painted(number, await createImageBitmap(new Blob([new Uint8Array(data, 4)], { type: "image/jpeg" })));
    };
    this.socket.onclose = () => failed("The connection to impasto has ended.");
    this.set(settings);
  }

  set(settings) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(settings));
  }

  send(number, canvas) {
    canvas.toBlob(async blob => {
      if (!blob || this.socket.readyState !== WebSocket.OPEN) return;
      const head = new DataView(new ArrayBuffer(4));
      head.setUint32(0, number);
      this.socket.send(await new Blob([head, blob]).arrayBuffer());
    }, "image/jpeg", 0.85);
  }

  close() {
    if (!this.socket) return;
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
  }
}
