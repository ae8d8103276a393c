// Speaks with the engine in its worker: questions with their answers, and what it tells by itself.

export function startEngine(hear) {
  const text = document.getElementById("engine").textContent;
  const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" }))), waiting = new Map();
  let last = 0, stopped = null;
  worker.onmessage = ({ data: told }) => {
    if (told.id === undefined) return hear(told);
    const { resolve, reject } = waiting.get(told.id);
    waiting.delete(told.id);
    return told.problem ? reject(told.problem) : resolve(told.answer);
  };
  worker.onerror = () => {
    stopped = { key: "stopped" };
    for (const { reject } of waiting.values()) reject(stopped);
    hear({ event: "broken", problem: stopped });
  };
  return {
    ask: (question) => new Promise((resolve, reject) => {
      if (stopped) return reject(stopped);
      waiting.set(++last, { resolve, reject });
      return worker.postMessage({ ...question, id: last });
    }),
    stop: () => worker.terminate(),
  };
}
