/** A small corpus, and the two things the demo's tools do with it. No model, no network. */

export interface Article {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

export const ARTICLES: readonly Article[] = [
  {
    id: "lighthouse",
    title: "How a lighthouse is told from its neighbours",
    text: "Every lighthouse on a coast has a rhythm of its own. A keeper of charts writes the rhythm beside the light, so that a ship at night can tell one headland from the next. The Fresnel lens made the beam visible for more than twenty miles. Today the lamps are switched by clocks and watched from far away, but the rhythms have stayed the same, because the charts still name them.",
  },
  {
    id: "seals",
    title: "Seals, signets and the trust in wax",
    text: "A seal proves two things: who closed a letter, and that nobody opened it on the way. Mesopotamian merchants rolled engraved cylinders over wet clay to seal a jar or a contract. In the Middle Ages a ring pressed into wax did the same work. When a king died his seal was broken in public, so that no order could be sealed in his name afterwards.",
  },
  {
    id: "ledger",
    title: "Double entry, or how a book keeps itself honest",
    text: "Luca Pacioli described double-entry bookkeeping in 1494. Every movement of money is written twice, once where it leaves and once where it arrives. If the two columns differ, somebody made a mistake or told a lie. The method spread because a merchant who was far from home could still check the work of a clerk.",
  },
  {
    id: "canal",
    title: "Locks, gates and the patience of canals",
    text: "A canal lock is a chamber between two gates. Only one gate is open at any time, so the water above never meets the water below. The mitre gate, which Leonardo da Vinci drew around 1497, closes tighter the harder the water presses. A boat that passes ten locks has passed ten checks, and each of them is simple.",
  },
  {
    id: "passport",
    title: "A short history of the passport",
    text: "Safe-conduct letters are as old as embassies: a king asked other kings to let his servant pass. The modern passport with a photograph became common during the First World War. A visa is a second signature, given by the country that is entered. A stamp at the border records when somebody came in, and the next officer reads it.",
  },
  {
    id: "bees",
    title: "How bees agree on a new home",
    text: "When a colony divides, scouts look for hollow trees and report by dancing. The better a place, the longer the dance. Scouts that find another dancer's place good begin to dance for it too. Once enough scouts are seen at one place at the same time, the swarm takes wing, and the decision is made without any leader.",
  },
];

/** Words of three letters or more that say nothing of what a text is about. */
const FILLERS = new Set([
  "and",
  "are",
  "but",
  "for",
  "from",
  "has",
  "have",
  "his",
  "its",
  "not",
  "one",
  "that",
  "the",
  "was",
]);

const words = (text: string): string[] =>
  (text.toLowerCase().match(/[a-z0-9]{3,}/g) ?? []).filter((word) => !FILLERS.has(word));

/** Articles that share words with the query, best first. */
export function search(query: string, limit: number): { article: Article; score: number }[] {
  const wanted = new Set(words(query));
  return ARTICLES.map((article) => ({
    article,
    score: words(`${article.title} ${article.text}`).filter((word) => wanted.has(word)).length,
  }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.article.id.localeCompare(b.article.id))
    .slice(0, limit);
}

/** The sentences with the most of what the article is about, in their own order. */
export function summarize(article: Article, sentences: number): string {
  const frequency = new Map<string, number>();
  for (const word of words(article.text)) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  const parts = article.text.match(/[^.]+\./g) ?? [];
  const scored = parts.map((text, place) => ({
    text: text.trim(),
    place,
    score: words(text).reduce((sum, word) => sum + (frequency.get(word) ?? 0), 0) / words(text).length,
  }));
  return scored
    .sort((a, b) => b.score - a.score)
    .slice(0, sentences)
    .sort((a, b) => a.place - b.place)
    .map(({ text }) => text)
    .join(" ");
}
