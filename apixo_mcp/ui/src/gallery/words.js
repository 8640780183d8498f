// @ts-check
/** The words of the gallery alone. */
import { speaker } from "../words.js";

export const tell = speaker({
  pictures: "Pictures", spending: "Spending", making: "New", views: "Views", filters: "Filters", search: "Search prompts", search_keys: "Press / to search", all: "All", state: "State", kind: "Kind", day: "Day (UTC)", model: "Model",
  clear: "Clear filters", grouped: "Group by prompt", same: "All with this prompt", of_prompt: "{n} of this prompt", like: "Only what has the prompt of one task.", list: "Tasks, newest first", loading: "Loading…", shown: "Tasks shown: {n}", shown_more: "The newest {n} tasks are shown; more come as you scroll.",
  none: "Nothing has been made yet.", none_how: "Ask your assistant for a picture, a film or a song, or run apixo-mcp generate. It appears here by itself.", no_hit: "No task matches.", no_hit_how: "Take a filter away, or search for other words.",
  dead: "The server does not answer.", dead_how: "What you see is what it said last. It is asked again by itself.", refused: "The server refused: {text}", signed_out: "You are signed out.", sign_out: "Sign out", sign_in: "Sign in again", reopen: "Run apixo-mcp gallery again: each address that it prints opens this page once.",
  close: "Back to all", previous: "Previous", next: "Next", copy_prompt: "Copy prompt", copy_page: "Copy link to this page", reveal: "Show in folder", revealed: "The folder is open.", use_again: "Use again", remove: "Delete", missing: "This task is not there. It may have been deleted, or is somebody else's.",
  made_from: "Made from", inputs: "Inputs", tries: "Tries", try_line: "{when}: {what}", accepted: "accepted", source: "Made from an earlier result", owner: "Owner", cost: "Cost", made: "Asked for", ended: "Ended", task: "Task", remote: "At the gateway", gateway: "Gateway", provider: "Provider", seed: "Seed", no_seed: "not given", files: "Files",
  basis_estimated: "{usd}, estimated from the price list", basis_unknown: "not known: this model has no price here", basis_free: "nothing, it was not charged", basis_none: "nothing was sent",
  delete_title: "Delete what?", delete_file: "The files, on disk too", delete_file_how: "The entry stays, with prompt, model, seed and cost.", delete_entry: "The entry", delete_entry_how: "The files stay where they are on disk.", delete_both: "Both", delete_both_how: "Neither can be brought back.", delete_stays: "What was spent stays in all sums.", delete_running: "Its entry cannot be deleted: it goes on, or may still cost or bring something.", delete_nothing: "There is nothing to delete of it now.", deleted: "Deleted.", delete_now: "Delete for good", keep: "Keep it",
  no_file: "No file", by: "of {owner}", keys: "Arrows: move · Enter: open · Delete: delete · /: search · Esc: back",
}, {
  pictures: "图库", spending: "花费", making: "新建", views: "视图", filters: "筛选", search: "搜索提示词", search_keys: "按 / 搜索", all: "全部", state: "状态", kind: "类型", day: "日期（UTC）", model: "模型",
  clear: "清除筛选", grouped: "按提示词分组", same: "相同提示词的全部任务", of_prompt: "相同提示词 {n} 个", like: "只显示与某个任务提示词相同的任务。", list: "任务，最新在前", loading: "正在加载…", shown: "显示 {n} 个任务。", shown_more: "显示最新的 {n} 个任务，向下滚动加载更多。",
  none: "还没有生成任何内容。", none_how: "请让助手生成图片、视频或音乐，或运行 apixo-mcp generate。结果会自动出现在这里。", no_hit: "没有符合的任务。", no_hit_how: "请去掉一个筛选条件，或换个词搜索。",
  dead: "服务器没有响应。", dead_how: "显示的是最后一次的内容，页面会自动重试。", refused: "服务器拒绝：{text}", signed_out: "登录已结束。", sign_out: "退出登录", sign_in: "重新登录", reopen: "请再次运行 apixo-mcp gallery：它给出的每个地址只能打开一次。",
  close: "返回全部", previous: "上一个", next: "下一个", copy_prompt: "复制提示词", copy_page: "复制本页链接", reveal: "在文件夹中显示", revealed: "已打开文件夹。", use_again: "再次使用", remove: "删除", missing: "没有这个任务。它可能已被删除，或属于别人。",
  made_from: "来源", inputs: "输入", tries: "尝试", try_line: "{when}：{what}", accepted: "已接受", source: "使用了之前的结果", owner: "所有者", cost: "费用", made: "请求时间", ended: "结束时间", task: "任务", remote: "网关编号", gateway: "网关", provider: "提供方", seed: "种子", no_seed: "未指定", files: "文件",
  basis_estimated: "{usd}，按价目表估算", basis_unknown: "未知：此模型没有价格", basis_free: "未扣费", basis_none: "没有发送任何请求",
  delete_title: "删除什么？", delete_file: "文件（磁盘上的也删除）", delete_file_how: "条目保留，包括提示词、模型、种子和费用。", delete_entry: "条目", delete_entry_how: "文件仍留在磁盘上。", delete_both: "两者都删", delete_both_how: "都无法恢复。", delete_stays: "已花费的金额仍计入所有合计。", delete_running: "条目不能删除：任务仍在进行，或还可能产生费用或结果。", delete_nothing: "现在没有可删除的内容。", deleted: "已删除。", delete_now: "永久删除", keep: "保留",
  no_file: "没有文件", by: "{owner}", keys: "方向键：移动 · Enter：打开 · Delete：删除 · /：搜索 · Esc：返回",
});
