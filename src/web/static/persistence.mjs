const DELAYS = [1000, 3000, 9000];

// What cannot reach the server is tried again until it does; what the server refuses is not.
export async function persist(address, options, tellBroken) {
  for (let tries = 0; ; tries += 1) {
    try {
      const answer = await fetch(address, options);
      if (answer.status < 500 && answer.status !== 429) return answer;
    } catch { /* no connection */ }
    tellBroken();
    await new Promise((done) => {
      setTimeout(done, DELAYS[Math.min(tries, DELAYS.length - 1)]);
      addEventListener("online", done, { once: true });
    });
  }
}

// What the server says of a request that it refused.
export async function reason(answer) {
  try { return (await answer.json()).message; } catch { return String(answer.status); }
}
