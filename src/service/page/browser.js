// Paints frames in this browser: a worker of its own runs the networks, and no picture leaves the computer.

// The longer side of a frame, in pixels: the first, and the least that a slow machine gets.
const SIDES = { webgpu: [640, 320], wasm: [320, 160] };

export class InBrowser {
  underWay = 1;

  // On the `device`, webgpu or wasm; without one, on the graphics card if there is one.
  constructor(device) {
    this.device = device;
  }

  // Tells `painted` the number of a frame and its painting, `failed` a sentence.
  async open(settings, painted, failed) {
    this.worker = new Worker("worker.js", { type: "module" });
    await new Promise((resolve, reject) => {
      this.worker.onerror = () => reject(new Error("This browser cannot paint: it cannot run the page's worker."));
      this.worker.onmessage = ({ data }) => {
        if (data.wrong) {
          // Before it can paint, there is nothing to go on with.
          if (this.sides) failed(data.wrong);
          else reject(new Error(data.wrong));
        } else if (data.painting) {
          painted(data.number, data.painting);
        } else {
          const { device, threads } = data;
          this.sides = SIDES[device];
          const how = device === "webgpu" ? "WebGPU" : `WebAssembly, ${threads === 1 ? "1 thread" : `${threads} threads`}`;
          this.words = `painted in this browser (${how})`;
          resolve();
        }
      };
      this.worker.postMessage({ device: this.device, settings });
    });
  }

  set(settings) {
    this.worker.postMessage({ settings });
  }

  async send(number, canvas) {
    const frame = await createImageBitmap(canvas);
    this.worker.postMessage({ number, frame }, [frame]);
  }

  close() {
    this.worker?.terminate();
  }
}
