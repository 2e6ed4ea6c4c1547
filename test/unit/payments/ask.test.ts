import { answerBy, ask } from "../../../services/payments/providers/ask.ts";
import { ProviderRefused, ProviderUnavailable } from "../../../services/payments/providers/provider.ts";

const answered = () => new ProviderUnavailable("500", { answered: true });

/** Answers one question after another with what it is given. */
const script = (...answers: (string | Error)[]) => {
  const signals: AbortSignal[] = [];
  return {
    signals,
    question: async (signal: AbortSignal): Promise<string> => {
      const answer = answers[signals.push(signal) - 1] ?? new Error("asked too often");
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
};

describe("asking a provider", () => {
  it("asks once more when it answered with an error of its own", async () => {
    const { question, signals } = script(answered(), "charged");
    await expect(ask(question)).resolves.toBe("charged");
    expect(signals).toHaveLength(2);
  });

  it("gives up after the second error", async () => {
    const { question, signals } = script(answered(), answered());
    await expect(ask(question)).rejects.toBeInstanceOf(ProviderUnavailable);
    expect(signals).toHaveLength(2);
  });

  it.each([
    ["a time-out", new ProviderUnavailable("no answer")],
    ["a refusal", new ProviderRefused("no")],
    ["a mistake of our own", new TypeError("undefined is not a function")],
  ])("does not repeat the request after %s", async (_what, error) => {
    const { question, signals } = script(error);
    await expect(ask(question)).rejects.toBe(error);
    expect(signals).toHaveLength(1);
  });

  it("ends a question without an answer in time for its caller", async () => {
    const startedMs = performance.now();
    const silent = (signal: AbortSignal) =>
      new Promise<never>((_, reject) =>
        signal.addEventListener("abort", () => reject(new ProviderUnavailable("no answer"))),
      );

    await expect(ask(silent)).rejects.toBeInstanceOf(ProviderUnavailable);

    expect(performance.now() - startedMs).toBeLessThan(2_500);
  });

  it("ends it the earlier the less of the caller's time is left", async () => {
    const startedMs = performance.now();
    const silent = (signal: AbortSignal) =>
      new Promise<never>((_, reject) =>
        signal.addEventListener("abort", () => reject(new ProviderUnavailable("no answer"))),
      );
    const deadlineMs = Date.now() + 1_600;

    await expect(ask(silent, answerBy({ deadlineMs }))).rejects.toBeInstanceOf(ProviderUnavailable);

    expect(performance.now() - startedMs).toBeGreaterThan(600);
    expect(Date.now()).toBeLessThan(deadlineMs - 300);
  });
});
