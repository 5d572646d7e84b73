// What a program is told on its command line, and the one line that it says.
"use strict";

/** Where to fill from, and what the account is: {url, folder, token, app, user, ...}. */
const told = JSON.parse(process.argv[2]);

/**
 * Runs and times `fill`, then says how many records `count` finds in what it left. The count
 * is no part of the time. A failure is an error and exit code 1.
 */
async function measured(fill, count) {
  try {
    const began = performance.now();
    const filled = await fill(told);
    const seconds = (performance.now() - began) / 1000;
    const peak_mb = process.resourceUsage().maxRSS / 1024;
    const records = await count(filled);
    const said = JSON.stringify({ records, seconds, peak_mb });
    // Some of the libraries leave timers behind: end as soon as the line is out.
    process.stdout.write(said + "\n", () => process.exit(0));
  } catch (error) {
    // What is wrong stands last, where it is looked for.
    const words = `${error?.stack}\n${error instanceof Error ? error : JSON.stringify(error)}\n`;
    process.stderr.write(words, () => process.exit(1));
  }
}

module.exports = { told, measured };
