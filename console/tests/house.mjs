// SPDX-License-Identifier: Apache-2.0
// The house in order: signing in, collections and their first examples, accounts, keys, and what each
// account sees; every page of it without a finding of axe-core, on a phone and on a desk, by day and
// by night.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { axe, faces, launch, run, startServer } from "./harness.mjs";
import { zip } from "./zip.mjs";

const PAGES = [
  "/",
  "/collections",
  "/collections?new=1",
  "/people",
  "/people?tab=keys",
  "/people?tab=webhooks",
  "/system",
  "/system?tab=packs",
  "/system?tab=jobs",
  "/system?tab=clear",
  "/account",
  "/me",
];
const EXPECTED = [/status of 401/]; // nobody is signed in yet, or the password is wrong
const NOBODY = [/status of 404/]; // an account that is no student's has no attendance

let material, server, browser;
let password; // of the instructor

function button(page, name) {
  return page.getByRole("button", { name, exact: true });
}

async function enter(page, name, password) {
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password").fill(password);
  await button(page, "Sign in").click();
}

async function signedIn(name, password, options = {}) {
  const page = await browser.open(server.url, { ...options, expected: [...EXPECTED, ...NOBODY] });
  await enter(page, name, password);
  await page.getByRole("heading", { level: 1, name: "Home" }).waitFor();
  return page;
}

async function at(page, path, heading) {
  await page.goto(`${server.url}/#${path}`);
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
}

/** Two people, and a file in no folder. */
function archive() {
  const entries = material.labels
    .slice(0, 2)
    .flatMap(({ label, files }) => files.slice(0, 3).map((file) => [`${label}/${basename(file)}`, readFileSync(file)]));
  return { name: "club.zip", mimeType: "application/zip", buffer: zip([...entries, ["loose.jpg", Buffer.from("x")]]) };
}

async function aNewServer() {
  material = await faces();
  server = await startServer();
  browser = await launch();
}

async function aWrongPassword() {
  const page = await browser.open(server.url, { expected: EXPECTED });
  await enter(page, "admin", "not the password");
  await page.getByText("Name or password is wrong.").waitFor();
  await page.context().close();
}

async function theFirstPassword() {
  const page = await signedIn("admin", server.password);
  await page.getByRole("heading", { name: "Start with a collection" }).waitFor();
  await page.context().close();
}

async function aCollectionOfAnArchive() {
  const page = await signedIn("admin", server.password);
  await page.getByRole("link", { name: "Make a collection" }).click();
  await page.getByLabel("Name").fill("Class 3b");
  await page.locator("option", { hasText: material.encoder }).first().waitFor({ state: "attached" });
  await page.getByLabel("Encoder pack").selectOption(material.encoder);
  await page.getByText(/numbers for each sample/).waitFor();
  await page.getByLabel("Examples, as a zip archive").setInputFiles(archive());
  await button(page, "Make it").click();
  await page.getByRole("cell", { name: /lies in no folder/ }).waitFor();
  const figures = await page.locator("dialog .figures").innerText();
  if (!/added\s*6\s*known already\s*0\s*refused\s*1/.test(figures)) {
    throw new Error(`the import told: ${figures}`);
  }
  await button(page, "Go to Class 3b").click();
  await page.waitForURL(/#\/c\/1$/);
  await page.context().close();
}

async function anInstructorAndAKey() {
  const page = await signedIn("admin", server.password);
  await at(page, "/people", "People and keys");
  await button(page, "Add an account").click();
  await page.getByLabel("User name").fill("ann");
  await page.getByLabel("Full name").fill("Ann Lee");
  await button(page, "Make one").click();
  await button(page, "Add").click();
  await page.getByRole("heading", { name: "The password of ann" }).waitFor();
  password = await page.locator(".secret input").inputValue();
  await page.locator("dialog .primary").click();
  await page.getByRole("rowheader", { name: /^ann/ }).waitFor();

  await page.getByRole("tab", { name: "Keys" }).click();
  await button(page, "Make a key").click();
  await page.getByLabel("What uses it").fill("the door");
  await page.getByRole("checkbox", { name: /^read/ }).check();
  await page.locator("dialog .primary").click();
  await page.getByRole("heading", { name: "The key of the door" }).waitFor();
  const key = await page.locator(".secret input").inputValue();
  const seen = await server.ask("GET", "/v1/collections", undefined, { "x-api-key": key });
  if (seen.items.length !== 1) {
    throw new Error(`the key sees ${seen.items.length} collections`);
  }
  await page.locator("dialog .primary").click();
  await page.getByRole("rowheader", { name: "the door" }).waitFor();
  await page.context().close();
}

async function anInstructorSeesTheirOwn() {
  const page = await signedIn("ann", password);
  await page.getByRole("heading", { name: "Start with a collection" }).waitFor();
  await at(page, "/collections", "Collections");
  await button(page, "New collection").first().click();
  await page.getByLabel("Name").fill("Ann's own");
  await button(page, "Make it").click();
  await page.waitForURL(/#\/c\/2$/);
  await at(page, "/collections", "Collections");
  const names = await page.locator(".collection h2").allInnerTexts();
  if (names.join() !== "Ann's own") {
    throw new Error(`ann sees ${names}`);
  }
  if (await page.getByRole("link", { name: "People and keys" }).count()) {
    throw new Error("an instructor is offered what administrators do");
  }
  await page.context().close();
}

/** Until nothing is read any more. */
async function settled(page) {
  await page.locator("main h1, dialog h2").first().waitFor();
  await page.waitForFunction(() => !document.querySelector('.loading, [aria-busy="true"]'));
}

async function axeFindsNothing() {
  for (const size of ["phone", "desktop"]) {
    for (const theme of ["light", "dark"]) {
      const found = [];
      const look = async (page, path) => found.push(...(await axe(page)).map((line) => `${path}: ${line}`));
      const outside = await browser.open(server.url, { size, theme, expected: EXPECTED });
      await button(outside, "Sign in").waitFor();
      await look(outside, "signing in");
      await outside.context().close();
      const page = await signedIn("admin", server.password, { size, theme });
      for (const path of PAGES) {
        await page.goto(`${server.url}/#${path}`);
        await settled(page);
        await look(page, path);
        if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) {
          found.push(`${path}: is wider than the window`);
        }
      }
      await page.context().close();
      if (found.length > 0) {
        throw new Error(`${size}, ${theme}:\n${found.join("\n")}`);
      }
    }
  }
}

async function nothingToComplainOf() {
  await browser.close();
  await server.stop();
}

await run({
  aNewServer,
  aWrongPassword,
  theFirstPassword,
  aCollectionOfAnArchive,
  anInstructorAndAKey,
  anInstructorSeesTheirOwn,
  axeFindsNothing,
  nothingToComplainOf,
});
