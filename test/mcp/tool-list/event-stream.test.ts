import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteBuffer } from "../../../src/bytes/byte-buffer.ts";
import { utf8 } from "../../../src/encoding.ts";
import { MAX_LIST_BYTES } from "../../../src/limits.ts";
import { EventFilter, type Unreadable } from "../../../src/mcp/event-filter.ts";
import { filterEvent } from "../../../src/mcp/tool-list/event.ts";
import { filterEvents } from "../../../src/mcp/tool-list/event-stream.ts";
import { filterList } from "../../../src/mcp/tool-list/filter.ts";
import { brokenAfter, handFed, streamOf } from "../../support/streams.ts";

const isAllowed = (tool: string): boolean => tool === "é";

const LIST = '{"id":1,"result":{"tools":[{"name":"é"},{"name":"hidden"}]}}';
const SHOWN = '{"id":1,"result":{"tools":[{"name":"é"}]}}';
const NOTE = '{"method":"notifications/tools/list_changed"}';

/** A string of code units below 256 stands for octets; in other strings it would be lost which are meant. */
const octets = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

const listFilter = (unreadable: Unreadable, maxEventBytes = MAX_LIST_BYTES): EventFilter =>
  new EventFilter((event) => filterEvent(event, isAllowed), unreadable, maxEventBytes);

interface Read {
  readonly bytes: Uint8Array;
  readonly fault: string | null;
}

/** What passes before the end or the fault, whichever comes first. */
function passed(chunks: readonly Uint8Array[], maxEventBytes?: number): Read {
  const filter = listFilter("break", maxEventBytes);
  const all = new ByteBuffer();
  for (const chunk of chunks) {
    const { bytes, fault } = filter.push(chunk);
    all.push(bytes);
    if (fault !== null) return { bytes: all.bytes, fault };
  }
  const { bytes, fault } = filter.end();
  all.push(bytes);
  return { bytes: all.bytes, fault };
}

const filtered = (text: string): string => {
  const { bytes, fault } = passed([utf8(text)]);
  return fault ?? new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
};

describe("events with a list", () => {
  test.each([
    ["LF", "data: LIST\n\n", "data: SHOWN\n\n"],
    ["CR", "data: LIST\r\r", "data: SHOWN\r\r"],
    ["CRLF", "data: LIST\r\n\r\n", "data: SHOWN\r\n\r\n"],
    ["no space", "data:LIST\n\n", "data: SHOWN\n\n"],
    ["two spaces", "data:  LIST\n\n", "data:  SHOWN\n\n"],
    [
      "other fields before",
      "id: 7\nevent: message\ndata: LIST\n\n",
      "id: 7\nevent: message\ndata: SHOWN\n\n",
    ],
    ["other fields behind", "data: LIST\nretry:5\nid\n\n", "data: SHOWN\nretry:5\nid\n\n"],
    ["a comment within", "id: 7\n: LIST\ndata: LIST\n\n", "id: 7\n: LIST\ndata: SHOWN\n\n"],
    ["fields that only look like data", "datas: x\ndata: LIST\ndat\n\n", "datas: x\ndata: SHOWN\ndat\n\n"],
    ["a byte order mark first", "\uFEFFdata: LIST\n\n", "\uFEFFdata: SHOWN\n\n"],
    ["several", "data: LIST\n\ndata: NOTE\n\ndata: LIST\n\n", "data: SHOWN\n\ndata: NOTE\n\ndata: SHOWN\n\n"],
    ["a batch", "data: [LIST,NOTE]\n\n", "data: [SHOWN,NOTE]\n\n"],
    ["an empty line of data", "data: LIST\ndata\n\n", "data: SHOWN\ndata: \n\n"],
    ["data in two places", "data: [\nid: 1\ndata: LIST]\n\n", "id: 1\ndata: [\ndata: SHOWN]\n\n"],
    ["a CR before data that moves", "data:\rdata: LIST\n\n", "data: \ndata: SHOWN\n\n"],
    [
      "a CR before data between others",
      "data: [LIST\nid: 1\rdata: ]\n\n",
      "id: 1\rdata: [SHOWN\ndata: ]\n\n",
    ],
    [
      "line endings of all kinds",
      "id: 1\r\ndata: LIST\rretry: 1\n\r\n",
      "id: 1\r\ndata: SHOWN\rretry: 1\n\r\n",
    ],
  ])("%s", (_, text, expected) => {
    const fill = (template: string) =>
      template.replaceAll("LIST", LIST).replaceAll("SHOWN", SHOWN).replaceAll("NOTE", NOTE);
    expect(filtered(fill(text))).toBe(fill(expected));
  });

  test("a list written over many lines", () => {
    const lines = JSON.stringify(JSON.parse(LIST), null, 1).split("\n");
    const shown = filterList(lines.join("\n"), isAllowed)?.split("\n") ?? [];
    expect(shown.length).toBeLessThan(lines.length);
    const event = (parts: string[]) => `${parts.map((line) => `data: ${line}\r\n`).join("")}\r\n`;
    expect(filtered(event(lines))).toBe(event(shown));
  });

  test("octets that are not UTF-8 become what every reader takes them for", () => {
    const event = (tools: string) => octets(`data: {"result":{"tools":[${tools}],"x":"\xff"}}\n\n`);
    const { bytes, fault } = passed([event('{"name":"hidden"}')]);
    expect(fault).toBeNull();
    expect(new TextDecoder().decode(bytes)).toBe('data: {"result":{"tools":[],"x":"\ufffd"}}\n\n');
    expect(passed([event("")])).toEqual({ bytes: event(""), fault: null });
  });
});

describe("unchanged", () => {
  test.each([
    ["nothing", ""],
    ["blank lines", "\n\r\r\n\n"],
    ["comments", `: ${LIST}\n:\r\n:{tools\r`],
    ["a comment that does not end", ": ping"],
    ["a first event without a message", "id: 1\nretry: 5\ndata: \n\n"],
    ["fields without data", "id: 1\n\nretry: 5\n\n"],
    ["an endpoint", "event: endpoint\ndata: /messages?tools\n\n"],
    ["not JSON, and no list", "data: [DONE]\n\ndata: {x}\n\n"],
    ["a message about tools", `data: ${NOTE}\n\n`],
    ["a list that is allowed", `data:${SHOWN}\r\n\r\n`],
    ["data of many lines", "data\ndata:{\rdata: }\r\ndata:  \n\n"],
    ["an end in the middle of an event", `data: {"method":"x"}\nid: 1`],
    ["an end behind a list that is allowed", `data: ${SHOWN}`],
    ["an end before it can be a list", 'data: {"id":1,"result":{"too'],
    ["a byte order mark alone", "\uFEFF"],
    ["a byte order mark and a comment", "\uFEFF: x\n"],
    ["fields that only look like data", 'dat: {\ndatas: {\ndata : {\n Data: {\n\n"data: {\n\n'],
  ])("%s", (_, text) => {
    expect(filtered(text)).toBe(text);
  });

  test("octets that are not UTF-8", () => {
    const stream = octets('\xef\xbb: \xff\n\ndata: \xff{\n\ndata: {"x":"\xc3"}\n\n\xef\xbb\xbfdata: \x80');
    expect(passed([stream])).toEqual({ bytes: stream, fault: null });
  });
});

describe("what we cannot read, but others might", () => {
  test.each([
    ["NaN", `data: ${LIST.replace("1", "NaN")}\n\n`],
    ["a comma too much", `data: ${LIST.replace("]", ",]")}\n\n`],
    ["two messages in one event", `data: ${LIST}\ndata: ${NOTE}\n\n`],
    ["a byte order mark before the message", `data: \uFEFF${LIST}\n\n`],
    ["a byte order mark before a later event", `:\n\n\uFEFFdata: ${LIST}\n\n`],
    ["a name that escapes hide", "data: {'result':{'t\\u006f\\u006fls':[]}}\n\n"],
    ["a name in another case", "data: {result:{Tool\u017f:[]}}\n\n"],
    ["a CR that others take for white space", `data: ${LIST.replace("{", "{\r")}\n\n`],
    ["a field that others take for data", `Data: ${LIST}\n\n`],
  ])("%s: the stream breaks", (_, event) => {
    const { bytes, fault } = passed([utf8(`: before\ndata: ${NOTE}\n\n${event}: behind\n`)]);
    expect(fault).toBe("garbage");
    const prefix = event.startsWith(":") ? ":\n\n" : "";
    expect(new TextDecoder().decode(bytes)).toBe(`: before\ndata: ${NOTE}\n\n${prefix}`);
  });

  test.each([
    ["a whole list", `data: ${LIST}`, `data: ${SHOWN}`],
    ["a whole list and the end of its line", `data: ${LIST}\r\n`, `data: ${SHOWN}\r\n`],
    ["other fields too", `id: 1\ndata: ${LIST}`, `id: 1\ndata: ${SHOWN}`],
  ])("at the end, without a blank line, %s is filtered", (_, rest, shown) => {
    expect(filtered(`data: ${NOTE}\n\n${rest}`)).toBe(`data: ${NOTE}\n\n${shown}`);
  });

  test("at the end, without a line ending, a list in several lines stays in several lines", () => {
    const split = (text: string) => `data: ${text.replace(',"', ',\ndata: "')}`;
    expect(split(LIST)).toContain("\n");
    expect(filtered(split(LIST))).toBe(split(SHOWN));
  });

  test("at the end, half a list: the stream breaks", () => {
    const { bytes, fault } = passed([utf8(`data: ${NOTE}\n\ndata: ${LIST.slice(0, -5)}`)]);
    expect([new TextDecoder().decode(bytes), fault]).toEqual([`data: ${NOTE}\n\n`, "garbage"]);
  });
});

describe("chunks", () => {
  const line = fc.constantFrom(
    ...[LIST, `[${LIST}`, "]", NOTE, SHOWN, '{"tools":NaN}', "{", "", " ", "x\xe2\x80"]
      .flatMap((value) => [`data: ${value}`, `data:${value}`, `: ${value}`])
      .concat("data", ":", "id: 1", "event:x", "", "", "", "\xef\xbb\xbf", "\xef\xbb\xbfdata: 1"),
  );
  const stream = fc
    .array(fc.tuple(line, fc.constantFrom("\n", "\r", "\r\n", "")), { maxLength: 12 })
    .map((lines) =>
      octets(
        lines
          .map((parts) => parts.join(""))
          .join("")
          .replaceAll("é", "\xc3\xa9"),
      ),
    );

  const chunked = (bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] => {
    const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
    return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
  };

  test("where they end makes no difference", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 20 }), (bytes, cuts) => {
        const whole = passed([bytes]);
        expect(passed(chunked(bytes, cuts))).toEqual(whole);
        expect(passed(Array.from(bytes, (octet) => Uint8Array.of(octet)))).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  const shown = (data: string): string => filterList(data, isAllowed) ?? data;
  const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

  test("a client reads the same events, without hidden tools", () => {
    fc.assert(
      fc.property(stream, (bytes) => {
        const { bytes: written, fault } = passed([bytes]);
        const before = eventsOf(bytes);
        const after = eventsOf(written);
        if (fault === null) expect(after.length).toBe(before.length);
        const expected = before.map(({ data, ...rest }) => ({
          ...rest,
          data: shown(data),
        }));
        expect(after).toEqual(expected.slice(0, after.length));
        // A lax client takes the end of the stream for the end of an event.
        for (const { data } of eventsOf(octets(`${latin1(written)}\n\n`))) expect(shown(data)).toBe(data);
      }),
      { numRuns: 500 },
    );
  });

  test("each goes on the moment it is complete", () => {
    const filter = listFilter("break");
    const steps: [string, string][] = [
      ["\uFEFF", "\uFEFF"],
      [": pi", ""],
      ["ng\n", ": ping\n"],
      ["\r", "\r"],
      ["\n", "\n"],
      ["id: 1\n", ""],
      [": within\n", ""],
      ["data: 1\r", ""],
      ["\r", "id: 1\n: within\ndata: 1\r\r"],
      ["\n:", "\n"],
      ["\n", ":\n"],
      ["data: 2\r\n", ""],
      ["\r", "data: 2\r\n\r"],
      ["\ndata: 3\n\ndata", "\ndata: 3\n\n"],
      [`: ${LIST}\n`, ""],
      ["\n", `data: ${SHOWN}\n\n`],
    ];
    for (const [chunk, expected] of steps) {
      expect(
        new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(filter.push(utf8(chunk)).bytes),
      ).toBe(expected);
    }
  });
});

describe("size", () => {
  const event = (size: number, ending = "\n\n") =>
    utf8(`${"data: ".padEnd(size - ending.length, "x")}${ending}`);
  const halves = (bytes: Uint8Array) => [bytes.subarray(0, 9), bytes.subarray(9)];

  test.each([
    ["as large as may be", event(50), null],
    ["one octet more", event(51), "too_large"],
    ["as large as may be, with the LF behind its last CR", event(51, "\r\n\r\n"), null],
    ["a comment", utf8(`:${"x".repeat(50)}\n`), "too_large"],
    ["without an end", event(51, ""), "too_large"],
    ["many small ones", utf8("data: 1\n\n:\n".repeat(20)), null],
  ])("%s", (_, bytes, fault) => {
    for (const chunks of [[bytes], halves(bytes)]) {
      const read = passed(chunks, 50);
      expect(read.fault).toBe(fault);
      expect(read.bytes).toEqual(fault === null ? bytes : new Uint8Array());
    }
  });

  test("the cap of a stream", async () => {
    const inTime = streamOf(event(MAX_LIST_BYTES));
    expect((await new Response(filterEvents(inTime, isAllowed, "break")).arrayBuffer()).byteLength).toBe(
      MAX_LIST_BYTES,
    );
    const beyond = streamOf(event(MAX_LIST_BYTES + 1));
    await expect(new Response(filterEvents(beyond, isAllowed, "break")).text()).rejects.toThrow(
      "origin.list_unreadable",
    );
  });
});

describe("the stream", () => {
  const text = (chunk: Uint8Array | undefined) => new TextDecoder().decode(chunk);

  test("events go on before the next one is there, to the end", async () => {
    const fed = handFed();
    const reader = filterEvents(fed.body, isAllowed, "break").getReader();
    fed.push(utf8(": ping\n"));
    expect(text((await reader.read()).value)).toBe(": ping\n");
    const read = reader.read();
    fed.push(utf8("data: "));
    fed.push(utf8(LIST));
    fed.push(utf8("\n\n"));
    expect(text((await read).value)).toBe(`data: ${SHOWN}\n\n`);
    fed.push(utf8("data: 1"));
    fed.close();
    expect(text((await reader.read()).value)).toBe("data: 1");
    expect((await reader.read()).done).toBe(true);
  });

  test("a client that does not read holds up the origin", async () => {
    let produced = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        produced += 1;
        controller.enqueue(utf8("data: 1\n\n"));
      },
    });
    const body = filterEvents(endless, isAllowed, "break");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(produced).toBeLessThan(10);
    await body.cancel();
  });

  test("a client that goes away: the origin is told", async () => {
    const fed = handFed();
    const reader = filterEvents(fed.body, isAllowed, "break").getReader();
    const read = reader.read();
    await reader.cancel("gone");
    expect((await read).done).toBe(true);
    expect(await fed.cancelled).toBe("gone");
  });

  test("an origin that breaks off breaks the client's stream, and nothing half done goes on", async () => {
    const reader = filterEvents(brokenAfter(utf8("data: 1\n\ndata: 2")), isAllowed, "break").getReader();
    expect(text((await reader.read()).value)).toBe("data: 1\n\n");
    await expect(reader.read()).rejects.toThrow("broken off");
  });

  test("what may hold a list breaks the stream behind what came before, and the origin is told", async () => {
    const fed = handFed();
    const reader = filterEvents(fed.body, isAllowed, "break").getReader();
    fed.push(utf8(`data: 1\n\ndata: ${LIST.replace("1", "NaN")}\n\n`));
    expect(text((await reader.read()).value)).toBe("data: 1\n\n");
    await expect(reader.read()).rejects.toThrow("origin.list_unreadable");
    expect(await fed.cancelled).toBe("garbage");
  });
});

/** The events a browser would dispatch, by the letter of WHATWG HTML, "Interpreting an event stream". */
function eventsOf(stream: Uint8Array): { data: string; type: string; id: string }[] {
  const lines = new TextDecoder().decode(stream).split(/\r\n|\r|\n/);
  const events: { data: string; type: string; id: string }[] = [];
  let [data, type, id] = ["", "", ""];
  // What stands behind the last line ending is no line.
  for (const line of lines.slice(0, -1)) {
    if (line === "") {
      if (data !== "") events.push({ data: data.slice(0, -1), type, id });
      [data, type] = ["", ""];
      continue;
    }
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "data") data += `${value}\n`;
    if (field === "event") type = value;
    if (field === "id") id = value;
  }
  return events;
}

describe("a stream of which most events are no lists", () => {
  /** What passes of a stream, where events of more than 100 bytes are too large. */
  function passing(text: string, size: number): string {
    const filter = listFilter("pass", 100);
    const out = new ByteBuffer();
    const bytes = utf8(text);
    for (let at = 0; at < bytes.length; at += size) {
      const { bytes: passed, fault } = filter.push(bytes.subarray(at, at + size));
      expect(fault).toBeNull();
      out.push(passed);
    }
    const { bytes: rest, fault } = filter.end();
    expect(fault).toBeNull();
    out.push(rest);
    return new TextDecoder().decode(out.bytes);
  }

  const LARGE = `{"result":{"content":"${"x".repeat(300)}"}}`;
  test.each([
    ["too large", `data: ${LARGE}\n\n`],
    ["too large, in several lines", `id: 1\r\ndata: ${LARGE}\r\ndata: ${LARGE}\r\n\r\n`],
    ["too large, the comment in it", `data: 1\n: ${LARGE}\ndata: 2\n\n`],
    ["a large comment outside any event", `: ${LARGE}\n`],
    ["not to be read", `data: ${LIST.replace("1", "NaN")}\n\n`],
  ])("an event that is %s passes, and the list behind it is filtered", (_, event) => {
    for (const size of [1, 2, 3, 7, 99, 100, 101, 1000]) {
      expect(passing(`${event}data: ${LIST}\n\n${event}`, size)).toBe(`${event}data: ${SHOWN}\n\n${event}`);
    }
  });
});
