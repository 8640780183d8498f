// @ts-check
/** The words of the pages, in English and Simplified Chinese. What a task says of itself comes from the server. */

const ENGLISH = {
  title: "Generated media", preparing: "Preparing…", asked: "Asked for", running: "Generating", submitting: "Being submitted", pending: "In the queue", processing: "Generating",
  success: "Done", failed: "Failed", cancelled: "Cancelled", unknown: "Not known", missing: "Not found",
  image: "Image", video: "Video", audio: "Audio", numbered: "{kind} {n} of {of}", show: "Show {kind} {n} of {of}", results: "Results", actions: "Actions", progress: "Progress",
  elapsed: "{time} so far", left: "about {time} left", late: "takes longer than usual", took: "took {time}", seconds: "{n} s", minutes: "{n} min", 
  cost: "about {usd}", no_price: "price not known", free: "not charged", seed: "seed {n}", model: "Model",
  download: "Download", copy: "Copy link", copy_path: "Copy path", open: "Open", full: "Full screen", inline: "Leave full screen", cancel: "Cancel", close: "Close", retry: "Try again",
  again: "Regenerate", vary: "Variation", edit: "Edit", animate: "Animate", copied: "Copied.", opened: "Opened.", saved: "Download started.", by_hand: "Copy it by hand: {text}", nowhere: "It is saved at {text}",
  cause: "Cause", fix: "What to do", charged: "Charged", charged_yes: "Yes, it was charged.", charged_no: "No, nothing was charged.", charged_unknown: "It is not known whether it was charged.",
  content_policy: "Refused by the content rules", invalid_input: "An input is wrong", media_input: "An input file cannot be used", insufficient_credits: "Not enough credit", auth: "The key is not accepted", rate_limited: "Too many requests", timeout: "It took too long", unavailable: "The service is not available", generation_failed: "Making it failed",
  lost: "Lost contact with the server.",
  missing_text: "The server does not know this task any more.", empty: "The tool returned nothing to show.", saving: "The file is being saved…", not_shown: "It cannot be shown here. Use Open or Download.", too_large: "It has {size}, too much to show here. Use Open or Download.",
  settings: "Settings", whole: "Whole prompt", id_only: "Its id: {text}", ended: "Cancelled: nothing was sent or charged.", kept: "It was already sent and is paid for, so it goes on.", more: "{n} more",
};

/** @type {Record<keyof typeof ENGLISH, string>} */
const CHINESE = {
  title: "生成的媒体", preparing: "正在准备…", asked: "请求内容", running: "生成中", submitting: "正在提交", pending: "排队中", processing: "生成中",
  success: "已完成", failed: "失败", cancelled: "已取消", unknown: "结果未知", missing: "未找到",
  image: "图片", video: "视频", audio: "音频", numbered: "{kind} {n}/{of}", show: "显示{kind} {n}/{of}", results: "结果", actions: "操作", progress: "进度",
  elapsed: "已用 {time}", left: "约剩 {time}", late: "比平时慢", took: "用时 {time}", seconds: "{n} 秒", minutes: "{n} 分钟", 
  cost: "约 {usd}", no_price: "价格未知", free: "未扣费", seed: "种子 {n}", model: "模型",
  download: "下载", copy: "复制链接", copy_path: "复制路径", open: "打开", full: "全屏", inline: "退出全屏", cancel: "取消", close: "关闭", retry: "重试",
  again: "重新生成", vary: "变体", edit: "编辑", animate: "生成动画", copied: "已复制。", opened: "已打开。", saved: "已开始下载。", by_hand: "请手动复制：{text}", nowhere: "已保存在 {text}",
  cause: "原因", fix: "怎么办", charged: "扣费", charged_yes: "已扣费。", charged_no: "未扣费。", charged_unknown: "不确定是否扣费。",
  content_policy: "内容审核未通过", invalid_input: "输入有误", media_input: "输入文件无法使用", insufficient_credits: "余额不足", auth: "密钥无效", rate_limited: "请求过于频繁", timeout: "超时", unavailable: "服务不可用", generation_failed: "生成失败",
  lost: "与服务器失去联系。",
  missing_text: "服务器上已没有这个任务。", empty: "工具没有返回可显示的内容。", saving: "正在保存文件…", not_shown: "无法在此显示，请使用“打开”或“下载”。", too_large: "文件 {size}，太大，无法在此显示，请使用“打开”或“下载”。",
  settings: "参数", whole: "完整提示词", id_only: "编号：{text}", ended: "已取消：没有发送，也没有扣费。", kept: "已经发送并付费，任务会继续。", more: "还有 {n} 个",
};

let isChinese = false, locale = "en-US";

/** Makes what says a module's own words. @template {string} Name @param {Record<Name, string>} english @param {Record<Name, string>} chinese
 *  @returns {(name: Name, given?: Record<string, string | number>) => string} */
export const speaker = (english, chinese) => (name, given = {}) => (isChinese ? chinese : english)[name].replace(/\{(\w+)\}/g, (_, one) => String(given[one] ?? ""));

export const say = speaker(ENGLISH, CHINESE);

/** What to do about a failure: the server tells it in both. @param {Record<string, any>} error @returns {string | undefined} */
export const adviceOf = (error) => (isChinese && error.advice_zh) || error.advice;

/** Speaks the language of a locale from now on, English where it is neither. @param {string | undefined} asked */
export function speak(asked) {
  if (!asked) return;
  isChinese = /^zh/i.test(asked);
  try {
    locale = Intl.getCanonicalLocales(asked)[0] ?? "en-US";
  } catch {
    locale = "en-US";
  }
  document.documentElement.lang = isChinese ? "zh-Hans" : "en";
  document.title = say("title");
}

/** @param {string} name @returns {name is keyof typeof ENGLISH} */
export const isWord = (name) => Object.hasOwn(ENGLISH, name);

/** @param {number} usd */
export const money = (usd) => new Intl.NumberFormat(locale, { style: "currency", currency: "USD", maximumFractionDigits: usd && usd < 0.1 ? 4 : 2 }).format(usd);
/** @param {number} seconds */
export const time = (seconds) => seconds < 100 ? say("seconds", { n: Math.max(0, Math.round(seconds)) }) : say("minutes", { n: Math.round(seconds / 60) });
/** @param {string} moment in ISO 8601 */
export const when = (moment) => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(moment));
/** @param {number} bytes */
export const size = (bytes) => bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`;
