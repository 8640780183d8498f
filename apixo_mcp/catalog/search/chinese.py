"""Chinese in one script: traditional characters as their simplified forms."""

_PAIRS = (
    "視视 頻频 圖图 畫画 報报 標标 聲声 聽听 樂乐 詞词 語语 說说 話话 講讲 讀读 動动 繪绘 寫写 實实 數数 長长 時时 "
    "間间 後后 風风 雲云 電电 腦脑 機机 車车 頭头 臉脸 對对 換换 轉转 變变 將将 為为 給给 個个 張张 種种 裡里 從从 "
    "與与 並并 廣广 產产 業业 務务 價价 錢钱 貴贵 費费 質质 優优 選选 擇择 編编 輯辑 連连 續续 縮缩 擴扩 寬宽 豎竖 "
    "橫横 紙纸 級级 線线 條条 紅红 綠绿 藍蓝 黃黄 顏颜 髮发 發发 複复 製制 錄录 導导 鏡镜 運运 攝摄 壓压 題题 類类 "
    "團团 國国 東东 龍龙 靈灵 夢梦 義义 萬万 問问 騰腾 訊讯 飛飞 雙双 單单 擬拟 虛虚 傳传 統统 點点 無无 損损 強强 "
    "較较 過过 還还 進进 遠远 適适 遊游 戲戏 劇剧 設设 計计 識识 調调 試试 購购 買买 賣卖 愛爱 歡欢 濾滤 漢汉 獨独 "
    "現现 環环 瑪玛 碼码 禮礼 穩稳 節节 範范 簡简 織织 聯联 職职 脫脱 藝艺 術术 蓋盖 號号 補补 裝装 規规 覺觉 觀观 "
    "記记 譯译 護护 豐丰 貼贴 資资 賞赏 軟软 輕轻 輸输 鋼钢 鐘钟 門门 開开 關关 陽阳 階阶 隨随 離离 靜静 響响 項项 "
    "順顺 預预 領领 頁页 顯显 飾饰 驗验 體体 齊齐 幀帧 誌志 週周 態态 歐欧 爾尔 積积 總总 詩诗 鳥鸟 魚鱼 馬马 貓猫 "
    "雜杂 誰谁 這这 們们 嗎吗 係系 燈灯 燒烧 牆墙 獎奖 瓏珑 異异 盡尽 眾众 筆笔 約约 紀纪 紋纹 細细 終终 結结 網网 "
    "緊紧 練练 罰罚 習习 膠胶 舊旧 蘋苹 蘭兰 衛卫 裏里 專专 書书 會会 別别 參参 噴喷 場场 墊垫 帶带 摳抠 來来 樣样 "
    "沒没 純纯 納纳 組组 維维 艦舰 讓让 證证 請请 負负 賀贺 軌轨 遷迁 遞递 鍵键 閃闪 頂顶 復复 準准 著着 寵宠 嬰婴 "
    "樹树 葉叶 據据 聞闻 晝昼 徵征 驚惊 師师 內内 刪删"
)
_SIMPLIFIED = str.maketrans({pair[0]: pair[1] for pair in _PAIRS.split()})


def simplified(text: str) -> str:
    """Returns a text with the traditional characters that are known here in their simplified form."""
    return text.translate(_SIMPLIFIED)


def is_chinese(text: str) -> bool:
    """Tells whether a text has a Chinese character."""
    return any("\u4e00" <= char <= "\u9fff" for char in text)


def bigrams(text: str) -> tuple[str, ...]:
    """Returns each pair of neighbouring Chinese characters: words, where nothing stands between words."""
    return tuple(
        text[place : place + 2]
        for place in range(len(text) - 1)
        if is_chinese(text[place]) and is_chinese(text[place + 1])
    )
