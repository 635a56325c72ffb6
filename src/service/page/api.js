// Requests to the service. What it refuses becomes an error with the sentence that it gives.

export async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("impasto does not respond; it has been ended, or the network is down.");
  }
  if (answer.ok) return answer;
  let words = `${answer.status} ${answer.statusText}`;
  try {
    words = (await answer.json()).detail || words;
  } catch {
    // No sentence came.
  }
  throw new Error(words[0].toUpperCase() + words.slice(1));
}

export async function json(path, options) {
  return (await ask(path, options)).json();
}
