// @ts-check
/** The words of the form alone. */
import { speaker } from "../words.js";

export const put = speaker({
  prompt: "Prompt", kind: "Kind", any: "All", search: "Search models", model: "Model", choose: "Choose a model", none: "No model matches.", n_models: "{n} models match.", more: "More", left_out: "Left out", yes: "Yes", no: "No", needed: "needed",
  from_to: "From {a} to {b}.", at_most: "At most {b}.", at_least: "At least {a}.", items: "{n} at most.", characters: "Up to {n} characters.", a_line: "One a line.", as_json: "As JSON.", provider: "Provider", others: "Other inputs", others_how: "A JSON object. This model's page does not name them all; they are passed on as given.",
  file: "{label} {n}: address, or task:ID/N", address: "An address (https), or task:ID/N for an earlier result.", path: "A path of this machine works too.", add: "Add", take: "Take away {n}", pick: "Choose from the gallery", upload: "Upload a file", uploading: "Uploading {name}…", no_upload: "The file was not taken: {text}", pick_none: "Nothing of this kind has been made yet.", picked: "Chosen.", pick_more: "More",
  fill: "Still needed: {names}.", price: "Price", button: "See the price first", changed: "Asking for the price…", buying: "Asking for it…", again: "No answer yet. The same request is made again; it buys once.", lost: "No answer came, so it is not known whether it was bought. Press the button again: it buys once.", wrong: "Please correct what is marked.",
  from_task: "Filled in from an earlier task.", missing_files: "Files of that task are no longer to be had: {names}. Give them anew.", unknown: "{names}: not taken by this model now.", dead: "The server does not answer. What you wrote stays; try again.", tips: "Tips", times: "Usual time: {text}", make: "Make it for {usd}", make_unpriced: "Make it (price not known)", had: "Show it (already bought)", nothing: "Nothing is bought before you press the button with the price.",
}, {
  prompt: "提示词", kind: "类型", any: "全部", search: "搜索模型", model: "模型", choose: "选择模型", none: "没有符合的模型。", n_models: "{n} 个模型符合。", more: "更多", left_out: "不填", yes: "是", no: "否", needed: "必填",
  from_to: "{a} 到 {b}。", at_most: "最大 {b}。", at_least: "最小 {a}。", items: "最多 {n} 个。", characters: "最多 {n} 个字符。", a_line: "每行一个。", as_json: "JSON 格式。", provider: "提供方", others: "其他输入", others_how: "JSON 对象。该模型的文档没有列出全部输入，会原样发送。",
  file: "{label} {n}：网址或 task:ID/N", address: "网址（https），或用 task:ID/N 表示之前的结果。", path: "也可填本机路径。", add: "添加", take: "移除第 {n} 个", pick: "从图库选择", upload: "上传文件", uploading: "正在上传 {name}…", no_upload: "文件未被接受：{text}", pick_none: "还没有这类结果。", picked: "已选择。", pick_more: "更多",
  fill: "还需填写：{names}。", price: "价格", button: "先查看价格", changed: "正在询价…", buying: "正在提交…", again: "还没有回应。正在重发同一请求，只会购买一次。", lost: "没有收到回应，无法确定是否已购买。请再按一次按钮：只会购买一次。", wrong: "请更正标出的内容。",
  from_task: "已按之前的任务填写。", missing_files: "该任务的文件已无法使用：{names}。请重新提供。", unknown: "{names}：此模型现在不接受。", dead: "服务器没有响应。您填写的内容会保留，请重试。", tips: "提示", times: "通常用时：{text}", make: "以 {usd} 生成", make_unpriced: "生成（价格未知）", had: "显示（已购买）", nothing: "按下标有价格的按钮之前，不会购买任何内容。",
});
