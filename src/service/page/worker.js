// Paints frames in the browser. It runs as a worker, so that the page stays quick; browser.js talks to it.
//
// It does what src/stylize.rs does, with the same networks: each sees the frame at the size that it was trained for, with the
// weights of its styles and with grain; their paintings are mixed; colours and strength come last.

import { ask, json } from "./api.js";
import * as grain from "./grain.js";
import * as pixels from "./pixels.js";

// Sessions that stay open.
const KEPT = 2;
// More cores than these gain nothing.
const THREADS = 8;

let ort;
let device;
let field;
let settings;
// The networks of the style: a session (none copies the frame), weights, and a share of the painting.
let mounted = [];
let side = null;
// Sessions by the addresses of their networks, the last used last.
const sessions = new Map();
const canvas = new OffscreenCanvas(1, 1);
const context = canvas.getContext("2d", { willReadFrequently: true });

async function hasCard() {
  try {
    const card = await navigator.gpu?.requestAdapter();
    return card != null && !card.info?.isFallbackAdapter;
  } catch {
    return false;
  }
}

// Only a page that is set apart from others may share memory between threads.
const threads = () => self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, THREADS) : 1;

async function load(runtime, wanted) {
  device = wanted ?? (await hasCard() ? "webgpu" : "wasm");
  ort = await import(`${runtime}ort.${device}.min.mjs`);
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = threads();
}

async function session(address) {
  const known = sessions.get(address) ?? await ort.InferenceSession.create(address, { executionProviders: [device], logSeverityLevel: 3 });
  sessions.delete(address);
  sessions.set(address, known);
  return known;
}

async function mount(networks) {
  const opened = [];
  for (const { address, weights, share } of networks) {
    opened.push({ session: address && await session(address), weights: Float32Array.from(weights), share });
  }
  mounted = opened;
  side = Math.max(0, ...networks.map(network => network.side ?? 0)) || null;
  const used = new Set(mounted.map(one => one.session));
  for (const [address, known] of sessions) {
    if (sessions.size <= Math.max(KEPT, used.size)) break;
    if (used.has(known)) continue;
    sessions.delete(address);
    await known.release();
  }
}

async function set(asked, wanted) {
  const recipe = await json(`browser/recipe?style=${encodeURIComponent(asked.style)}`);
  field ??= new Float32Array(await (await ask("browser/grain")).arrayBuffer());
  const isNew = !ort;
  if (isNew) await load(recipe.runtime, wanted);
  try {
    await mount(recipe.networks);
    // A card that cannot run the network says so at its first frame.
    if (isNew && device === "webgpu") await paint(new ImageData(64, 36), asked);
  } catch (error) {
    if (!isNew || device !== "webgpu" || wanted) throw error;
    sessions.clear();
    await load(recipe.runtime, "wasm");
    await mount(recipe.networks);
  }
  settings = asked;
}

// The size at which the networks see a frame, as Scale::seen finds it.
function seen(width, height, scale) {
  const by = side ? Math.max(1, Math.min(width, height) / side) * scale : 1;
  return [width, height].map(pixels => Math.max(1, Math.round(pixels / by)));
}

async function run({ session, weights }, image, width, height) {
  if (!session) return image.slice();
  const [columns, rows] = [width, height].map(pixels => Math.ceil(pixels / grain.CELL));
  const inputs = {
    image: new ort.Tensor("uint8", image, [1, height, width, 3]),
    style: new ort.Tensor("float32", weights, [weights.length]),
  };
  if (session.inputNames.includes("grain")) {
    inputs.grain = new ort.Tensor("float32", grain.still(field, columns, rows), [1, rows, columns, grain.CHANNELS]);
  }
  const { stylized } = await session.run(inputs);
  const painted = await stylized.getData();
  stylized.dispose();
  return painted;
}

// Paints an ImageData in place.
async function paint(image, { strength, keep_colors }) {
  const original = pixels.rgb(image.data);
  let painted = null;
  let total = 0;
  for (const one of mounted) {
    const next = await run(one, original, image.width, image.height);
    total += one.share;
    if (painted) pixels.toward(next, painted, one.share / total);
    else painted = next;
  }
  if (keep_colors) pixels.keepChroma(original, painted);
  if (strength < 1) pixels.toward(original, painted, 1 - strength);
  pixels.put(painted, image.data);
  return image;
}

async function answer({ settings: asked, device: wanted, number, frame }) {
  if (asked) {
    await set(asked, wanted);
    self.postMessage({ device, threads: threads() });
    return;
  }
  [canvas.width, canvas.height] = seen(frame.width, frame.height, Number(settings.scale));
  context.imageSmoothingQuality = "high";
  context.drawImage(frame, 0, 0, canvas.width, canvas.height);
  frame.close();
  const image = await paint(context.getImageData(0, 0, canvas.width, canvas.height), settings);
  const painting = await createImageBitmap(image);
  self.postMessage({ number, painting }, [painting]);
}

// One after another, in the order in which they came.
let last = Promise.resolve();
self.onmessage = ({ data }) => {
  last = last.then(() => answer(data)).catch(error => self.postMessage({ number: data.number, wrong: error.message }));
};
