import { makeCall } from "../../make/call.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { headerOf } from "../../make/message.ts";
import { claims, PRED, PROFILE } from "./changes.ts";

export const bindingCases: readonly CaseSource[] = [
  // -- binding --------------------------------------------------------------------------------------------
  denied(
    "no-inp-hash",
    "ect.inp_hash_missing",
    "There is no inp_hash, and a body",
    `${PROFILE}: inp_hash`,
    claims({ inp_hash: undefined }),
  ),
  denied(
    "inp-hash",
    "ect.inp_hash_mismatch",
    "inp_hash is that of another body",
    `${PROFILE}: inp_hash`,
    claims({ inp_hash: "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" }),
  ),
  denied(
    "inp-hash-of-arguments",
    "ect.inp_hash_mismatch",
    "inp_hash is that of the arguments alone",
    `${PROFILE}: inp_hash`,
    claims({ inp_hash: "qwvpVd4VNVZeb6zQr0ts0bDVMGVXTFSJm3Chvqf5o9g" }),
  ),
  denied(
    "mandate-not-named",
    "ect.mandate_not_named",
    "pred does not name the mandate",
    PRED,
    claims({ pred: [] }),
  ),
  denied(
    "other-mandate-named",
    "ect.mandate_not_named",
    "pred names another mandate",
    PRED,
    claims({ pred: ["mandate-2"] }),
  ),
  denied("wid", "ect.wid_mismatch", "wid is not the mandate's", "Countersign profile, Runs", {
    mandate: { claims: { wid: "workflow-1" } },
    ect: { claims: { wid: "workflow-2" } },
  }),
  denied(
    "wid-alone",
    "ect.wid_mismatch",
    "wid, where the mandate has none",
    "Countersign profile, Runs",
    claims({ wid: "workflow-1" }),
  ),
  admitted("wid-equal", "wid is the mandate's", "Countersign profile, Runs", {
    mandate: { claims: { wid: "workflow-1" } },
    ect: { claims: { wid: "workflow-1" } },
  }),
  denied(
    "exec-act",
    "ect.exec_act_mismatch",
    "exec_act names another tool that the mandate grants",
    `${PROFILE}: exec_act`,
    claims({ exec_act: "mcp.sealed" }),
    {
      expect: { headers: { "countersign-ect": "recorded" } },
    },
  ),
  denied(
    "exec-act-method",
    "ect.exec_act_mismatch",
    "exec_act names a method, and the body calls a tool",
    `${PROFILE}: exec_act`,
    claims({ exec_act: "mcp.session.tools.list" }),
  ),
  denied(
    "exec-act-case",
    "ect.exec_act_mismatch",
    "exec_act in capitals",
    `${PROFILE}: exec_act`,
    claims({ exec_act: "MCP.SEARCH" }),
  ),
  denied(
    "captured-other-body",
    "ect.inp_hash_mismatch",
    "A captured ECT with another body, signed anew by its agent",
    `${PROFILE}: inp_hash`,
    async (t) => {
      const captured = headerOf(await makeCall(t), "Wimse-ECT");
      return makeCall(t, { arguments: { query: "storms" }, ect: { token: () => captured } });
    },
  ),
];
