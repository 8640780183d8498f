// @ts-check
/** The view of what was spent: the report of the server, drawn. Every sum is the server's. */
import { button, h, speakUp } from "../ui.js";
import { adviceOf, money, say, speaker, time } from "../words.js";
import { SERIES, chart, columns, meter, rows } from "./charts.js";

/** @typedef {Record<string, any>} Obj */

const tell = speaker({
  title: "Spending", days: "Time", last: "{n} days", table: "As a table", loading: "Loading…", none: "Nothing was made in this time.",
  estimated: "Estimated by prices", measured: "Measured by the balance", since: "{usd} at {gateway} since {when}", not_told: "not told by {gateway}", held: "of it held for what still runs", unpriced: "Without a known price", unpriced_n: "{n} paid requests, in no sum of dollars", tasks: "Tasks", attempts: "Paid requests",
  balance: "Balance of {gateway}", added: "Credit that came in", limits: "Limits", own: "own", all: "for all", day: "day", month: "month", limit: "{whose}, a {period}", used: "{used} of {most} ({percent} %)", posts: "{n} paid requests",
  by_day: "Spent by day and model", by_day_told: "Estimated, in dollars; days are UTC. The line across a day is what the balance lost.", date: "Day", model: "Model", whole: "All models", other: "others", usd: "Estimated", lost: "Measured",
  by_model: "Spent by model", by_model_told: "Estimated, the dearest first.", unknown: "not known", part: "{usd} and {n} of unknown price",
  failures: "Failures by code", failures_told: "How often each ended a task, or was tried again.", code: "Code", meaning: "Meaning", ended: "Failed", retried: "Tried again", charged: "Charged", charged_no: "no", charged_yes: "yes", charged_unknown: "not known", fix: "What to do",
  times: "Time to result", times_told: "From the request to the result: half took no longer than the inner bar, nine in ten no longer than the outer one.", half: "Half", most: "Nine in ten",
  content_policy: "{meaning}", invalid_input: "{meaning}", media_input: "{meaning}", insufficient_credits: "{meaning}", auth: "{meaning}", rate_limited: "{meaning}", timeout: "{meaning}", unavailable: "{meaning}", generation_failed: "{meaning}", undocumented: "{meaning}",
}, {
  title: "花费", days: "时间", last: "{n} 天", table: "表格", loading: "正在加载…", none: "这段时间没有生成任何内容。",
  estimated: "按价格估算", measured: "按余额测得", since: "{gateway} 自 {when} 起 {usd}", not_told: "{gateway} 不提供余额", held: "为仍在运行的任务预留", unpriced: "价格未知", unpriced_n: "{n} 个付费请求，未计入金额", tasks: "任务", attempts: "付费请求",
  balance: "{gateway} 余额", added: "充值", limits: "限额", own: "个人", all: "全体", day: "日", month: "月", limit: "{whose}，每{period}", used: "{used} / {most}（{percent}%）", posts: "{n} 个付费请求",
  by_day: "按日期和模型的花费", by_day_told: "估算金额，日期为 UTC。横线为余额减少的金额。", date: "日期", model: "模型", whole: "全部模型", other: "其他", usd: "估算", lost: "测得",
  by_model: "按模型的花费", by_model_told: "估算金额，从高到低。", unknown: "未知", part: "{usd}，另有 {n} 个价格未知",
  failures: "按代码的失败", failures_told: "每个代码导致任务失败或重试的次数。", code: "代码", meaning: "含义", ended: "失败", retried: "已重试", charged: "扣费", charged_no: "否", charged_yes: "是", charged_unknown: "不确定", fix: "怎么办",
  times: "出结果的时间", times_told: "从请求到结果：一半不超过内条，十分之九不超过外条。", half: "一半", most: "十分之九",
  content_policy: "违反内容规则", invalid_input: "输入不符合模型要求", media_input: "输入文件无法使用", insufficient_credits: "余额不足", auth: "API 密钥被拒绝", rate_limited: "请求过多", timeout: "模型超时", unavailable: "模型或服务不可用", generation_failed: "模型无法生成", undocumented: "原因未知",
});

const PERIODS = [7, 30, 90, 366], NAMED = SERIES - 1;
const LATER = 4000;

/** @param {Obj} row a row with an estimate, of which a part may have no price */
const dollars = (row) => row.spent_usd === undefined ? tell("unknown") : row.without_price ? tell("part", { usd: money(row.spent_usd), n: row.without_price }) : money(row.spent_usd);

/** @param {Obj} told */
function summary(told) {
  const { totals } = told;
  const pairs = [
    [tell("estimated"), [money(totals.spent_usd), totals.reserved_usd && ` (${money(totals.reserved_usd)} ${tell("held")})`]],
    ...told.gateways.map((/** @type {Obj} */ one) => [tell("measured"), one.measured_usd === undefined ? tell("not_told", one) : tell("since", { usd: money(one.measured_usd), gateway: one.gateway, when: one.measured_since.slice(0, 16).replace("T", " ") + " UTC" })]),
    totals.added_usd && [tell("added"), money(totals.added_usd)],
    totals.without_price && [tell("unpriced"), tell("unpriced_n", { n: totals.without_price })],
    [tell("tasks"), totals.tasks], [tell("attempts"), totals.attempts],
    ...Object.entries(told.balances).map(([gateway, one]) => [tell("balance", { gateway }), one.amount === undefined ? one.note ?? `${one.error} ${one.advice}` : money(one.amount)]),
  ];
  return h("dl", { className: "sums" }, pairs.filter(Boolean).map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));
}

/** @param {Obj} told */
function limits(told) {
  if (!told.budgets) return null;
  return h("section", { "aria-label": tell("limits") }, h("h2", null, tell("limits")), told.budgets.map((/** @type {Obj} */ use) => {
    const inUsd = use.limit_usd !== undefined;
    const [used, most] = inUsd ? [money(use.spent_usd), money(use.limit_usd)] : [use.tasks, tell("posts", { n: use.limit_tasks })];
    const name = tell("limit", { whose: tell(use.whose === "owner" ? "own" : "all"), period: tell(use.period) });
    return meter(name, use.percent, told.budget_levels, use.reached >= 100 ? "bad" : use.reached >= 80 ? "warn" : "ok", tell("used", { used, most, percent: use.percent }));
  }));
}

/** @param {Obj} told */
function byDay(told) {
  const named = told.models.slice(0, NAMED).map((/** @type {Obj} */ one) => one.model), names = [...named, ...(told.models.length > NAMED ? [tell("other")] : [])];
  const bars = [...told.days].reverse().map((day) => {
    const parts = names.map(() => 0);
    for (const one of day.models) parts[Math.min(named.includes(one.model) ? named.indexOf(one.model) : NAMED, parts.length - 1)] += one.spent_usd ?? 0;
    return { name: day.day, parts, text: money(day.spent_usd), mark: day.measured_usd };
  });
  const body = told.days.flatMap((/** @type {Obj} */ day) => [
    [day.day, tell("whole"), day.tasks, dollars(day), day.measured_usd === undefined ? "–" : money(day.measured_usd)],
    ...day.models.map((/** @type {Obj} */ one) => [day.day, one.model, one.tasks, dollars(one), "–"]),
  ]);
  return chart({ title: tell("by_day"), told: tell("by_day_told"), drawing: columns(bars, names, money), legend: names, head: [tell("date"), tell("model"), tell("tasks"), tell("usd"), tell("lost")], body, show: tell("table") });
}

/** @param {Obj} told */
function byModel(told) {
  const bars = told.models.map((/** @type {Obj} */ one) => ({ name: one.model, parts: [one.spent_usd ?? 0], text: dollars(one) }));
  const body = told.models.map((/** @type {Obj} */ one) => [one.model, one.tasks, one.attempts, dollars(one)]);
  return chart({ title: tell("by_model"), told: tell("by_model_told"), drawing: rows(bars.slice(0, 12)), head: [tell("model"), tell("tasks"), tell("attempts"), tell("usd")], body, show: tell("table") });
}

/** @param {Obj} told */
function failures(told) {
  if (!told.failures.length) return null;
  const count = (/** @type {Obj} */ one) => one.tasks + (one.retried ?? 0);
  const meaning = (/** @type {Obj} */ one) => tell(one.category === "unknown" ? "undocumented" : one.category, one);
  const bars = told.failures.map((/** @type {Obj} */ one) => ({ name: one.code, parts: [count(one)], text: `${count(one)} · ${meaning(one)}` }));
  const body = told.failures.map((/** @type {Obj} */ one) => [one.code, meaning(one), one.tasks, one.retried ?? 0, tell(/** @type {any} */ (`charged_${one.charged}`)), adviceOf(one) ?? ""]);
  return chart({ title: tell("failures"), told: tell("failures_told"), drawing: rows(bars.slice(0, 12)), head: [tell("code"), tell("meaning"), tell("ended"), tell("retried"), tell("charged"), tell("fix")], body, show: tell("table") });
}

/** @param {Obj} told */
function times(told) {
  const timed = told.models.filter((/** @type {Obj} */ one) => one.median_seconds !== undefined);
  if (!timed.length) return null;
  const bars = timed.map((/** @type {Obj} */ one) => ({ name: one.model, parts: [one.p90_seconds, one.median_seconds], text: `${time(one.median_seconds)} · ${time(one.p90_seconds)}` }));
  const body = timed.map((/** @type {Obj} */ one) => [one.model, `${one.median_seconds} s`, `${one.p90_seconds} s`]);
  return chart({ title: tell("times"), told: tell("times_told"), drawing: rows(bars.slice(0, 12)), legend: [tell("most"), tell("half")], head: [tell("model"), tell("half"), tell("most")], body, show: tell("table") });
}

/** Makes the view. @param {{ask: (path: string) => Promise<Obj>, lost: (error: unknown) => any, well: () => any}} io how the server is asked, and who says whether it answers
 *  @returns {{el: HTMLElement, later: () => void}} `later` has the report made anew soon, where somebody sees it: something was spent */
export function spending({ ask, lost, well }) {
  const box = h("div", { "aria-busy": "true" }, h("p", { className: "note" }, tell("loading")));
  const pick = h("select", { id: "spending-days", onchange: () => load(true) }, PERIODS.map((n) => h("option", { value: String(n), selected: n === 30 }, tell("last", { n }))));
  let asking = 0, timer = 0;

  async function load(isAsked = false) {
    const now = ++asking;
    box.setAttribute("aria-busy", "true");
    try {
      const told = await ask(`api/usage?days=${pick.value}`);
      if (now !== asking) return;
      well();
      const open = [...box.querySelectorAll(".table:not(.unseen) caption")].map((one) => one.textContent);
      box.replaceChildren(...[summary(told), limits(told), ...(told.days.length ? [byDay(told), byModel(told), times(told), failures(told)] : [h("p", null, tell("none"))])].filter(Boolean));
      for (const one of box.querySelectorAll(".chart")) if (open.includes(one.querySelector("caption")?.textContent ?? "")) one.querySelector("button")?.click();
      if (isAsked) speakUp(`${tell("title")}: ${money(told.totals.spent_usd)}`);
    } catch (error) {
      if (now !== asking) return;
      lost(error);
      if (!box.querySelector(".sums")) box.replaceChildren(button(say("retry"), "again", () => load(true)));
    } finally {
      if (now === asking) box.removeAttribute("aria-busy");
    }
  }

  load();
  const el = h("section", { className: "spending", "aria-label": tell("title") }, h("div", { className: "field" }, h("label", { htmlFor: "spending-days" }, tell("days")), pick), box);
  return { el, later: () => {
    if (!timer && !document.hidden) timer = window.setTimeout(() => { timer = 0; load(); }, LATER);
  } };
}
