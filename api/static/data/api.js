// Requests to the HTTP API. The token, where one is needed, is asked for once and kept for this browser tab only.

import { t } from "../strings.js";

const KEY = "kinestream-token";
let prompting = null, askForToken = null;

/** Use `ask()` (a promise of a token, or of null when the person gives up) whenever the API wants a token. */
export function onTokenNeeded(ask) {
  askForToken = ask;
}

export const token = () => sessionStorage.getItem(KEY);

/** An answer that is not a success; `message` is the API's own sentence. */
export class ApiError extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

export const get = (path, query, signal) => request("GET", path, { query, signal });
export const post = (path, body, query) => request("POST", path, { body, query });
export const put = (path, body, query) => request("PUT", path, { body, query });
export const remove = (path) => request("DELETE", path);

/** Send a request below api/v1 and return the decoded JSON (null where there is none). */
export async function request(method, path, { query, body, signal } = {}) {
  const response = await send(method, path, { query, body, signal });
  return response.status === 204 ? null : response.json();
}

/** Fetch a file with the token in a header, never in an address, and hand it to the browser's downloads. */
export async function download(path, query, filename) {
  const response = await send("GET", path, { query });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Whether the API refuses this page for want of a token; if so the person was asked, and true means there is a new one. */
export async function wasRefused() {
  const used = token();
  try {
    const response = await fetch(address("sensors"), { headers: headers() });
    return response.status === 401 && await renewToken(used);
  } catch {
    return false; // not reachable at all: the socket's own retry is the answer
  }
}

async function send(method, path, { query, body, signal } = {}) {
  const used = token();
  let response;
  try {
    response = await fetch(address(path, query), {
      method, signal, headers: headers(body), body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, t("error.unreachable"));
  }
  if (response.status === 401 && await renewToken(used)) return send(method, path, { query, body, signal });
  if (!response.ok) throw new ApiError(response.status, await sentence(response));
  return response;
}

/** Ask for a token unless another request has meanwhile brought one; true if there is one to try. */
async function renewToken(used) {
  if (token() !== used) return true;
  if (!askForToken) return false;
  prompting ??= askForToken(used !== null).finally(() => { prompting = null; });
  const given = await prompting;
  if (!given) return false;
  sessionStorage.setItem(KEY, given);
  return true;
}

function address(path, query = {}) {
  const url = new URL(`api/v1/${path}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== null) url.searchParams.set(name, value);
  return url;
}

function headers(body) {
  const all = { Accept: "application/json" };
  if (body !== undefined) all["Content-Type"] = "application/json";
  if (token()) all.Authorization = `Bearer ${token()}`;
  return all;
}

async function sentence(response) {
  try {
    const { detail } = await response.json();
    if (typeof detail === "string") return detail;
  } catch {
    // not JSON: say what is known
  }
  return t("error.status", { status: response.status });
}
