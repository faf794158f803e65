// Boils documents down from JavaScript: Node 18 or newer, Deno, Bun, or a browser. Start a service first: boildown serve
//
//     node examples/http_clients/compress.mjs [URL]

/**
 * Keeps what the query needs of the documents.
 *
 * @param {string} url where the service is.
 * @param {{query: string, documents: (string | {text: string, id?: string, title?: string})[], budget: object}} request
 * @param {{token?: string, retries?: number, timeout?: number}} options timeout in milliseconds.
 * @returns the service's answer: text, documents, dropped, tokens_in, tokens_out ...
 */
async function compress(url, request, { token, retries = 4, timeout = 60_000 } = {}) {
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(`${url}/v1/compress`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
      body: JSON.stringify(request, wellFormed),
      signal: AbortSignal.timeout(timeout),
    });
    const answer = await response.json().catch(() => null); // a proxy before the service may answer in HTML
    if (response.ok && answer) return answer;
    if (![429, 503].includes(response.status) || attempt >= retries) {
      const { type = "error", message = response.statusText } = answer?.error ?? {};
      throw new Error(`${response.status} ${type}: ${message}`);
    }
    // A busy service says how many seconds to wait; a random part keeps clients apart.
    const seconds = Number(response.headers.get("Retry-After")) || 2 ** attempt / 2;
    await new Promise((resolve) => setTimeout(resolve, 1000 * (seconds + Math.random() / 2)));
  }
}

/** Half an emoji, as `slice` may leave it, is no JSON. Another character stands for it, so that all offsets stay. */
function wellFormed(_, value) {
  return typeof value === "string" ? value.replace(/\p{Surrogate}/gu, "\ufffd") : value;
}

/** The pieces of a document that were kept. Offsets count Unicode characters, and not UTF-16 units. */
function pieces(document, text) {
  const characters = Array.from(text);
  return document.spans.map(([start, end]) => characters.slice(start, end).join(""));
}

const documents = [
  "🌊 The Reed is made for marinas and rivers. It weighs 2.1 kg. Its battery lasts nine months.",
  "🐦 The Pelican goes down to 120 m and weighs 11.5 kg. The battery of the Pelican lasts 36 months.",
  "Annual leave is 28 days. Up to five days can be carried over until 31 March.",
];
const answer = await compress(
  process.argv[2] ?? "http://localhost:8000",
  { query: "How long does the battery of the Pelican last?", documents, budget: { tokens: 20 } },
  { token: process.env.BOILDOWN_TOKEN },
);
console.log(`${answer.tokens_in} tokens before, ${answer.tokens_out} after:`);
for (const kept of answer.documents) {
  console.log(`document ${kept.index}, score ${kept.score.toFixed(2)}:`, pieces(kept, documents[kept.index]));
}
