import { describeWaysToGo } from "../ways-to-go.ts";

// test/integration has the other two pairs.
describeWaysToGo("python", "auto");
describeWaysToGo("typescript", "off");
