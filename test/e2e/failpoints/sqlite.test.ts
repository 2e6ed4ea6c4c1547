import { describeFailpoints, FailpointMatrix } from "../../support/failpoint-matrix.ts";

describeFailpoints("one process on SQLite that fails at every failpoint", () => FailpointMatrix.start("SQLite"));
