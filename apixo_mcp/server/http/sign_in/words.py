"""The words of the sign-in page, in English and Simplified Chinese."""

from dataclasses import dataclass

from starlette.requests import Request

from apixo_mcp.server.http.pages.languages import Language, language_of
from apixo_mcp.tasks.owner import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWords:
    """The words of one language. Names in braces are filled in; all of it is escaped behind that."""

    lang: Language
    title: str
    asks: str
    nameless: str
    unchecked: str
    document: str
    sent_to: str
    own_machine: str
    own_app: str
    may: str
    scopes: dict[Scope, str]
    nothing: str
    as_owner: str
    allow: str
    deny: str
    first: str
    first_how: str
    opened: str
    paste: str
    paste_hint: str
    go_on: str
    invited: str
    invited_how: str
    sign_in: str
    signed_in: str
    signed_in_how: str
    see_pictures: str
    sign_out: str
    signed_out: str
    refused: str
    no_cookie: str
    over: str
    over_how: str
    answered: str
    done: str
    declined: str
    done_how: str
    open_app: str
    unknown: str
    unknown_how: str
    wrong: str
    back: str
    slow: str


ENGLISH = PageWords(
    lang=Language.ENGLISH,
    title="Sign in to apixo-mcp",
    asks="{client} asks to use this server in your name",
    nameless="A program without a name",
    unchecked="Nobody has checked that name. Allow it only if you have just started this yourself.",
    document="It is described by",
    sent_to="You will be sent to",
    own_machine="a program on your own computer ({host})",
    own_app="an app on your own device ({host})",
    may="It may then",
    scopes={
        Scope.READ: "see and download what is yours: tasks, files and spending",
        Scope.GENERATE: "make new images, videos and audio, which spends money within your limits",
        Scope.ADMIN: "see how the server does, and what everybody has spent",
    },
    nothing="nothing: what it asks for is more than you may do yourself",
    as_owner="You are signed in as {owner}.",
    allow="Allow",
    deny="Deny",
    first="Sign in first",
    first_how="Open your invitation link in this browser and come back here. Who runs this server can give you one.",
    opened="I have opened it: continue",
    paste="Or paste your invitation link or your token",
    paste_hint="A token begins with amt_.",
    go_on="Continue",
    invited="You are invited as {owner}",
    invited_how="This signs this browser in. The link works once.",
    sign_in="Sign in",
    signed_in="You are signed in as {owner}",
    signed_in_how="Give this address to your assistant as a connector or MCP server:",
    see_pictures="See what was made",
    sign_out="Sign this browser out",
    signed_out="This browser is signed out.",
    refused="That lets nobody in. A link works once and for seven days; a token may have been replaced.",
    no_cookie="Your browser has kept no cookie of this page. Let it keep them for this site, and try again.",
    over="This question is over",
    over_how="It was answered already, or has waited for too long. Start again from your assistant.",
    answered="You have answered. Go back to your assistant.",
    done="You have allowed {client}",
    declined="You have said no to {client}",
    done_how="Its app opens by itself, or after your browser has asked you. You can close this page then.",
    open_app="Open the app",
    unknown="This program cannot sign you in",
    unknown_how="Remove this server from your assistant and add it again. The program said: {problem}",
    wrong="This program asked for something that this server does not give",
    back="Back to {host}",
    slow="Too many tries. Wait a minute.",
)

CHINESE = PageWords(
    lang=Language.CHINESE,
    title="登录 apixo-mcp",
    asks="{client} 请求以你的名义使用此服务器",
    nameless="一个没有名称的程序",
    unchecked="此名称未经核实。只有当你刚刚亲自发起这一操作时才应允许。",
    document="对它的描述来自",
    sent_to="随后你将被带到",
    own_machine="你自己电脑上的程序（{host}）",
    own_app="你自己设备上的应用（{host}）",
    may="它将可以",
    scopes={
        Scope.READ: "查看和下载属于你的内容：任务、文件和花费",
        Scope.GENERATE: "生成新的图片、视频和音频，这会在你的限额内花钱",
        Scope.ADMIN: "查看服务器运行状况以及所有人的花费",
    },
    nothing="什么也不能做：它请求的权限超出了你自己的权限",
    as_owner="你已登录为 {owner}。",
    allow="允许",
    deny="拒绝",
    first="请先登录",
    first_how="请在此浏览器中打开你的邀请链接，然后回到这里。链接可向此服务器的管理者索取。",
    opened="我已打开链接，继续",
    paste="或粘贴你的邀请链接或令牌",
    paste_hint="令牌以 amt_ 开头。",
    go_on="继续",
    invited="你受邀以 {owner} 的身份登录",
    invited_how="点击后此浏览器即登录。该链接只能使用一次。",
    sign_in="登录",
    signed_in="你已登录为 {owner}",
    signed_in_how="请将此地址作为连接器或 MCP 服务器添加到你的助手中：",
    see_pictures="查看生成的内容",
    sign_out="退出此浏览器的登录",
    signed_out="此浏览器已退出登录。",
    refused="无法登录。链接只能使用一次，七天内有效；令牌可能已被更换。",
    no_cookie="你的浏览器没有保存此页面的 Cookie。请允许此网站使用 Cookie，然后重试。",
    over="此请求已失效",
    over_how="它已被答复，或等待过久。请从你的助手重新开始。",
    answered="你已作出答复。请回到你的助手。",
    done="你已允许 {client}",
    declined="你已拒绝 {client}",
    done_how="应用会自动打开，或在浏览器询问你之后打开。随后即可关闭此页面。",
    open_app="打开应用",
    unknown="此程序无法为你登录",
    unknown_how="请从你的助手中移除此服务器，然后重新添加。程序的说明：{problem}",
    wrong="此程序请求了本服务器不提供的内容",
    back="返回 {host}",
    slow="尝试次数过多，请稍等一分钟。",
)


def page_words_of(request: Request) -> PageWords:
    """Returns the words of the language that a page is in."""
    return CHINESE if language_of(request) is Language.CHINESE else ENGLISH
