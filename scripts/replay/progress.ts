const barWidth = 30;

/** Tells how far a number of steps has come: on a terminal in a line that changes, elsewhere a line every tenth. */
export function progress(total: number, out: NodeJS.WriteStream): { step(): void; end(): void } {
  let done = 0;
  let told = 0;
  return {
    step() {
      done += 1;
      const share = done / total;
      if (out.isTTY) {
        const filled = Math.round(share * barWidth);
        out.write(`\r  [${"#".repeat(filled)}${".".repeat(barWidth - filled)}] ${done} of ${total} orders`);
      } else if (Math.floor(share * 10) > told) {
        told = Math.floor(share * 10);
        out.write(`  ${told * 10} %: ${done} of ${total} orders\n`);
      }
    },
    end() {
      if (out.isTTY) out.write("\n");
    },
  };
}
