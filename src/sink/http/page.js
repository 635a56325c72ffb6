// The page of a live show: sends what is changed, and shows what is told.

const at = id => document.getElementById(id);
const switches = ["keep_colors", "compare", "mirror", "freeze", "record"];
let state = null, held = 0;

async function send(patch) {
  held = Date.now();
  const answer = await fetch("api/settings", { method: "POST", body: JSON.stringify(patch) });
  const body = await answer.json();
  at("wrong").textContent = answer.ok ? "" : body.detail;
  if (answer.ok) show(body);
}

// "a" or "a:0.5,b:0.5": the first two styles and the second's share.
function terms(style) {
  const parts = style.split(",").map(term => term.split(":"));
  return { first: parts[0][0], second: parts[1] ? parts[1][0] : "", share: parts[1] ? Number(parts[1][1]) : 0 };
}

function sendStyle(first, second, share) {
  const rest = Math.max(0, 1 - share);
  send({ style: second && second !== first ? `${first}:${rest.toFixed(2)},${second}:${share}` : first });
}

function build(names, unstyled) {
  at("styles").replaceChildren(...names.map(name => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = button.title = name;
    button.dataset.style = name;
    button.onclick = () => sendStyle(name, at("second").value, Number(at("share").value));
    return button;
  }));
  at("second").replaceChildren(...["", ...names, ...unstyled].map(name => new Option(name || "nothing", name)));
}

function show(next) {
  if (!state || state.styles.join() !== next.styles.join()) build(next.styles, next.unstyled);
  state = next;
  const { first, second, share } = terms(next.style);
  at("style").textContent = next.style;
  for (const button of at("styles").children) button.setAttribute("aria-pressed", button.dataset.style === first);
  for (const name of switches) at(name).setAttribute("aria-pressed", next[name]);
  at("second").value = second;
  at("share").disabled = !second;
  const number = (id, value) => { if (document.activeElement !== at(id)) at(id).value = value; };
  if (second) number("share", share);
  number("strength", next.strength);
  number("scale", Math.log2(next.scale));
  at("share-value").textContent = second ? Math.round(share * 100) + " %" : "";
  at("strength-value").textContent = Math.round(next.strength * 100) + " %";
  at("scale-value").textContent = "×" + next.scale.toFixed(2);
  const { fps, latency_ms, inference_ms, dropped, seen, width, height, notices, recording, recorded } = next.statistics;
  at("fps").textContent = fps.toFixed(1);
  at("latency").textContent = next.freeze ? "–" : `${latency_ms.p50.toFixed(0)} (p95 ${latency_ms.p95.toFixed(0)})`;
  at("inference").textContent = inference_ms.p50.toFixed(0);
  at("dropped").textContent = dropped;
  at("seen").textContent = seen[0] === width ? `${width}×${height}` : `${width}×${height}, network sees ${seen[0]}×${seen[1]}`;
  at("record").textContent = recording ? "Stop recording" : "Record";
  const words = notices.concat(recording ? [`Recording ${recording}`] : recorded.slice(-1).map(path => `Recorded ${path}`));
  at("notices").replaceChildren(...words.map(word => Object.assign(document.createElement("li"), { textContent: word })));
}

for (const name of switches) at(name).onclick = () => send({ [name]: !state[name] });
at("strength").oninput = () => send({ strength: Number(at("strength").value) });
at("scale").oninput = () => send({ scale: Number((2 ** at("scale").value).toFixed(3)) });
at("second").onchange = () => sendStyle(terms(state.style).first, at("second").value, Number(at("share").value));
at("share").oninput = () => sendStyle(terms(state.style).first, at("second").value, Number(at("share").value));

async function follow() {
  try {
    const next = await (await fetch("api/state")).json();
    // This answer may be older than a change that was just made here.
    if (Date.now() - held > 300) show(next);
    if (at("wrong").dataset.gone) { at("wrong").textContent = ""; delete at("wrong").dataset.gone; at("picture").src = "stream.mjpeg?" + Date.now(); }
  } catch {
    at("wrong").textContent = "impasto does not respond; the show has ended, or the network is down.";
    at("wrong").dataset.gone = "yes";
  }
  setTimeout(follow, 500);
}
follow();
