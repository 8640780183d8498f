"""A hundred thousand tasks in a store, with prompts in two scripts: one of them has words that no other has."""

import random
from typing import Any

from support.store_tasks import NOW, make_followed

from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import State, Task

TASKS = 100_000
HAN = "红色的狐狸在雪地里奔跑夕阳下山水画风格电影光影猫狗花鸟城市夜景"


async def fill(store: Store) -> None:
    """Puts them there, and fills the index of their words."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnoprstuvwxy", k=chance.randint(3, 9))) for _ in range(3000)]
    for start in range(0, TASKS, 5000):
        tasks: list[Task] = []
        for number in range(start, start + 5000):
            prompt = "".join(chance.choices(HAN, k=40)) if number % 4 == 0 else " ".join(chance.choices(words, k=22))
            rare = " zebra q" if number == TASKS // 100 else ""
            told: dict[str, Any] = {"state": State.FAILED if number % 50 == 0 else State.SUCCESS, "due": None}
            told |= {"model": f"m{number % 20}", "modality": ("image", "video", "audio")[number % 3]}
            tasks.append(make_followed(prompt=f"{prompt}{rare} {number}", created_at=NOW + number, **told))
        await store.add(tasks)
    while await store.index_some(2000):
        pass
