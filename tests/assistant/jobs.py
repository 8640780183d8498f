"""What people ask an assistant for, and how to tell that they got it and paid for nothing else."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from assistant.player import Player, Shown

from apixo_mcp.sandbox import Sandbox

FOX = "a fox in the snow [took:12]"
CLIP = "a fox runs through the snow [took:55]"  # and seen to be done a minute after it was asked for
LYRICS = "[Verse]\nThe fox is red, the snow is white\n[Chorus]\nRun, little fox, run through the night"
_ANIMALS = "ant bear cat deer eel fox goat hare ibis jay kite lynx mole newt owl pig quail rat seal toad"
ANIMALS = _ANIMALS.split()


@dataclass(frozen=True)
class Stage:
    """What a job is played on."""

    box: Sandbox
    folder: Path

    def inputs(self) -> list[dict[str, Any]]:
        """What was paid for, in order."""
        return [entry["input"] for entry in self.box.submits()]


Play = Callable[[Player, Stage], Awaitable[None]]


@dataclass(frozen=True)
class Job:
    """A job, and what it may take.

    Attributes:
        title: in the person's words.
        play: does it, and asserts that the person got what was wanted.
        paid: how many tasks are paid for, with those of the days before.
        calls: at most, where the model lets pass what next_step says.
        settings: of the program.
    """

    title: str
    play: Play
    paid: int
    calls: int
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


JOBS: list[Job] = []


def job(title: str, *, paid: int, calls: int, **settings: Any) -> Callable[[Play], Play]:
    """Adds a job."""

    def add(play: Play) -> Play:
        JOBS.append(Job(title, play, paid, calls, settings))
        return play

    return add


def done(shown: Shown, count: int = 1) -> list[str]:
    """Asserts that so many files were made, and returns where they are."""
    assert not shown.is_error, shown.text
    assert all(task["state"] == "success" for task in shown.tasks), shown.text
    assert len(shown.paths) == count, shown.text
    assert all(Path(path).stat().st_size for path in shown.paths)
    return shown.paths


def task_of(shown: Shown) -> dict[str, Any]:
    """Returns the one task that an answer tells of."""
    (task,) = shown.tasks
    return task


# Pictures


@job("a wide fox for the desktop", paid=1, calls=2)
async def wide_fox(player: Player, stage: Stage) -> None:
    done(await player.make("image", prompt=FOX, aspect_ratio="16:9"))
    assert stage.inputs()[0]["aspect_ratio"] == "16:9"


@job("the same at night", paid=2, calls=2)
async def same_at_night(player: Player, stage: Stage) -> None:
    first = await player.make("image", prompt=FOX, aspect_ratio="16:9")
    player.forget()
    done(await player.make("image", prompt="the same at night [took:12]", image_urls=["task:last/0"]))
    made = stage.inputs()[1]
    assert made["image_urls"] == [task_of(first)["results"][0]["url"]]
    assert made.get("aspect_ratio") in ("auto", "16:9")


@job("make that red, the file is on my disk", paid=2, calls=2)
async def by_its_path(player: Player, stage: Stage) -> None:
    first = await player.make("image", prompt=FOX)
    player.forget()
    done(await player.make("image", prompt="make it red [took:12]", image_urls=first.paths))
    assert stage.inputs()[1]["image_urls"] == [task_of(first)["results"][0]["url"]]


@job("four logos", paid=4, calls=3)
async def four_logos(player: Player, stage: Stage) -> None:
    done(await player.make("image", prompt="a logo with a fox [took:12]", num_images=4), 4)


@job("twenty animals", paid=20, calls=3)
async def twenty_animals(player: Player, stage: Stage) -> None:
    done(await player.make("image", prompts=[f"a {animal} [took:12]" for animal in ANIMALS]), 20)
    assert sorted(made["prompt"].split()[1] for made in stage.inputs()) == ANIMALS


@job("a storyboard of four pictures", paid=4, calls=4)
async def storyboard(player: Player, stage: Stage) -> None:
    first = await player.make("image", prompt="a fox leaves its den [took:12]")
    reference = f"task:{task_of(first)['task_id']}/0"
    scenes = [f"the same fox {scene} [took:12]" for scene in ("hunts", "sleeps", "comes home")]
    done(await player.make("image", prompts=scenes, image_urls=[reference]), 3)
    assert all(made["image_urls"] for made in stage.inputs()[1:])


@job("compare three models", paid=3, calls=6)
async def three_models(player: Player, stage: Stage) -> None:
    asked = [
        await player.ask_for("image", prompt=FOX, model=name) for name in ("nano banana", "seedream 4.5", "z-image")
    ]
    ids = [task_of(shown)["task_id"] for shown in asked]
    done(await player.follow(await player.call("check_task", task_ids=ids)), 3)


@job("save all of today's pictures to my folder", paid=3, calls=1)
async def save_today(player: Player, stage: Stage) -> None:
    for what in ("fox", "hare", "owl"):
        await player.make("image", prompt=f"a {what} [took:12]")
    player.forget()
    folder = stage.folder / "pictures" / "for me"
    done(await player.call("download_results", since="today", modality="image", directory=str(folder)), 3)
    assert len(list(folder.iterdir())) == 3


@job("find the owl again", paid=2, calls=1)
async def find_the_owl(player: Player, stage: Stage) -> None:
    await player.make("image", prompt="an owl on a roof [took:12]")
    await player.make("image", prompt=FOX)
    player.forget()
    shown = await player.call("list_tasks", query="owl")
    assert [task["prompt"] for task in shown.tasks] == ["an owl on a roof [took:12]"]
    assert len(shown.paths) == 1


@job("look at it and tell me what you see", paid=1, calls=1)
async def look_at_it(player: Player, stage: Stage) -> None:
    first = await player.make("image", prompt=FOX)
    player.forget()
    seen = await player.call("view_result", task_id=task_of(first)["task_id"])
    assert seen.pictures == 1


@job("another one like that", paid=2, calls=2)
async def another_one(player: Player, stage: Stage) -> None:
    first = await player.make("image", prompt=FOX)
    player.forget()
    second = await player.make("image", prompt=FOX)
    done(second)
    assert task_of(second)["task_id"] != task_of(first)["task_id"]


# Videos and sound


@job("a video of a minute's making", paid=1, calls=6)
async def video(player: Player, stage: Stage) -> None:
    done(await player.make("video", prompt=CLIP, model="ruxa/sora-2"))


@job("a video with sound", paid=1, calls=6)
async def video_with_sound(player: Player, stage: Stage) -> None:
    done(await player.make("video", prompt=CLIP, purpose="video with sound", sound="on"))
    (model,) = [entry["model"] for entry in stage.box.submits()]
    sounds = [value for name, value in stage.inputs()[0].items() if "sound" in name.lower() or "audio" in name.lower()]
    assert all(sounds), "it is asked for, where it is not always there"
    assert "sound" in player.listed[model]


@job("bring the picture to life", paid=2, calls=6)
async def to_life(player: Player, stage: Stage) -> None:
    await player.make("image", prompt=FOX)
    player.forget()
    shown = await player.make("video", prompt=CLIP, purpose="image to video", image_urls=["task:last/0"])
    done(shown)
    assert "/files/" in str(stage.inputs()[1])


@job("where is my video", paid=1, calls=3)
async def where_is_it(player: Player, stage: Stage) -> None:
    await player.ask_for("video", prompt=CLIP, model="ruxa/sora-2")
    player.forget()
    done(await player.follow(await player.call("check_task", task_id="last")))


@job("stop that video", paid=1, calls=1)
async def stop_it(player: Player, stage: Stage) -> None:
    asked = await player.ask_for("video", prompt="a fox [never]", model="ruxa/sora-2")
    player.forget()
    shown = await player.call("cancel_task", task_id=task_of(asked)["task_id"])
    assert task_of(shown)["cancel_requested"] is True
    assert "It cannot be stopped: already paid; it is saved when done." in task_of(shown)["next_step"]


@job("a song with these lyrics", paid=1, calls=7)
async def song_with_lyrics(player: Player, stage: Stage) -> None:
    player.knows = {"style": "gentle folk", "title": "Little fox"}
    shown = await player.make("audio", prompt=f"{LYRICS} [took:120]", purpose="song with my lyrics")
    assert shown.paths, shown.text
    assert stage.inputs()[0]["customMode"] is True


@job("a cheerful song about a fox", paid=1, calls=6)
async def song(player: Player, stage: Stage) -> None:
    shown = await player.make("audio", prompt="a cheerful song about a fox [took:120]", purpose="song")
    assert shown.paths, shown.text
    assert stage.inputs()[0]["customMode"] is False


@job("read this to me", paid=1, calls=4)
async def voice(player: Player, stage: Stage) -> None:
    shown = await player.make("audio", prompt="The fox is home. [took:20]", purpose="text to speech")
    done(shown)


# What cannot be had


@job("a logo with a transparent background", paid=0, calls=2)
async def transparent(player: Player, stage: Stage) -> None:
    listed = await player.call("list_models", modality="image", query="logo with a transparent background")
    assert "No model's page offers a transparent background" in listed.text
    refused = await player.ask_for("image", prompt="a logo with a fox", background="transparent")
    assert refused.is_error
    assert "transparent" in refused.said


@job("a song of exactly thirty seconds", paid=0, calls=2)
async def exact_length(player: Player, stage: Stage) -> None:
    refused = await player.ask_for("audio", prompt="a cheerful song", purpose="song", duration=30)
    assert refused.is_error
    assert "The length cannot be set" in refused.said


@job("make my own photo nicer", paid=0, calls=1)
async def own_photo(player: Player, stage: Stage) -> None:
    photo = stage.folder / "photo.png"
    photo.write_bytes(b"\x89PNG\r\n\x1a\n")
    refused = await player.ask_for("image", prompt="nicer", image_urls=[str(photo)])
    assert refused.is_error
    for way in ("https", "APIXO_MCP_ALLOWED_ROOTS", "APIXO_MCP_PUBLIC_URL"):
        assert way in refused.said


# Money


@job("what did I spend", paid=2, calls=1)
async def spent(player: Player, stage: Stage) -> None:
    for _ in range(2):
        await player.make("image", prompt=FOX)
    player.forget()
    shown = await player.call("get_usage")
    assert shown.structure["totals"]["tasks"] == 2
    assert "0.06" in shown.text


@job("what would a video cost", paid=0, calls=2)
async def what_would_it_cost(player: Player, stage: Stage) -> None:
    shown = await player.ask_for("video", prompt=CLIP, model="veo-3-1", quote=True)
    assert not shown.is_error, shown.text
    assert not shown.tasks
    assert "cost" in shown.structure


@job("yes, buy it", paid=1, calls=3, confirm_above_usd=0.01)
async def yes(player: Player, stage: Stage) -> None:
    done(await player.make("image", prompt=FOX, agrees=True))


@job("no, too dear", paid=0, calls=1, confirm_above_usd=0.01)
async def no(player: Player, stage: Stage) -> None:
    assert "$0.03" in (await player.ask_for("image", prompt=FOX)).said


@job("one more, beyond the day's budget", paid=1, calls=1, daily_budget_usd=0.05)
async def beyond_the_budget(player: Player, stage: Stage) -> None:
    first = await player.make("image", prompt=FOX)
    assert task_of(first)["budget_left"] == {"usd": 0.02}
    player.forget()
    refused = await player.ask_for("image", prompt="a hare")
    assert refused.is_error
    assert "APIXO_MCP_DAILY_BUDGET_USD" in refused.said


# What goes wrong


@job("something that is refused", paid=2, calls=4)
async def refused_content(player: Player, stage: Stage) -> None:
    shown = await player.make("image", prompt="a bad fox [fail:CONTENT_VIOLATION][took:2]")
    error = task_of(shown)["error"]
    assert (error["category"], error["retryable"]) == ("content_policy", False)
    assert "content_policy: change the prompt" in (player.client.instructions or "")
    done(await player.make("image", prompt=FOX))


@job("a fox, while the gateway is busy", paid=1, calls=3)
async def busy(player: Player, stage: Stage) -> None:
    done(await player.make("image", prompt="a fox [429x2][took:5]"))


@job("a fox, and the line broke", paid=1, calls=2)
async def cut(player: Player, stage: Stage) -> None:
    shown = await player.make("image", prompt="a fox [cut]")
    assert task_of(shown)["state"] == "unknown"
    assert task_of(shown)["next_step"].startswith("Do not send it again: it may have been charged.")
