const Sequencer = require("@jest/test-sequencer").default;

// A fresh clone has no times of earlier runs, and the longest tests are short files that kill processes: left to the end,
// they would be waited for alone.

const inOrder = ["/e2e/failpoints/", "/e2e/", "/integration/", "/component/", "/unit/", "/web/test/"];

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => inOrder.findIndex((part) => path.includes(part));
    return super.sort(tests).sort((a, b) => rank(a) - rank(b));
  }
};
