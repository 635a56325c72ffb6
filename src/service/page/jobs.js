// Films and slow paintings: what the service does in the background, followed by its events.

import { ask, json } from "./api.js";

// Sends a file with its upload's progress, which fetch does not tell.
export function send(data, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "api/v1/jobs");
    request.responseType = "json";
    request.upload.onprogress = event => progress(event.loaded / event.total);
    request.onload = () => {
      if (request.status === 201) resolve(request.response);
      else reject(new Error(request.response?.detail ?? `${request.status} ${request.statusText}`));
    };
    request.onerror = () => reject(new Error("The upload was cut off; impasto has been ended, or the network is down."));
    request.send(data);
  });
}

// Tells `change` whenever a job changes, and `gone` with true while the service does not respond.
export function follow(change, gone) {
  const events = new EventSource("api/v1/events");
  events.addEventListener("jobs", event => {
    gone(false);
    change(JSON.parse(event.data));
  });
  events.onerror = () => gone(true);
}

export const cancel = job => json(`api/v1/jobs/${job.id}/cancel`, { method: "POST" });
export const resume = job => json(`api/v1/jobs/${job.id}/resume`, { method: "POST" });
export const remove = job => ask(`api/v1/jobs/${job.id}`, { method: "DELETE" });

function spoken(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// How far a job is, in words.
export function words(job) {
  const { state, progress, ahead, error } = job;
  if (state === "queued") return ahead ? `Waiting: ${ahead} before it` : "Waiting for its turn";
  if (state === "failed") return error;
  if (state === "cancelled") return "Cancelled; it can be continued";
  if (state === "done") return "Painted";
  if (!progress?.done) return "Preparing";
  const parts = [];
  const unit = job.kind === "film" ? "frames" : "steps";
  parts.push(progress.total ? `${progress.done} of ${progress.total} ${unit}` : `${progress.done} ${unit}`);
  if (progress.fps) parts.push(job.kind === "film" ? `${progress.fps.toFixed(1)} fps` : `${progress.fps.toFixed(1)} steps per second`);
  if (progress.waiting) parts.push("waiting for pictures and cameras");
  else if (progress.seconds_left != null) parts.push(`${spoken(progress.seconds_left)} left`);
  return parts.join(" · ");
}
