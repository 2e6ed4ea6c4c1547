import { messageOf } from "../../lib/errors.ts";
import { runJob } from "./load.ts";
import type { FromGenerator, ToGenerator } from "./protocol.ts";

// The process that makes the load: what it does must not take turns with those who measure or serve.

const tell = (message: FromGenerator): void => void process.send?.(message);

process.on("message", ({ job }: ToGenerator) => {
  const marks = {
    onMeasuring: () => tell({ mark: "measuring" }),
    onMeasured: () => tell({ mark: "measured" }),
  };
  runJob(job, marks).then(
    (result) => tell({ result }),
    (error: unknown) => tell({ failed: messageOf(error) }),
  );
});
