"""What can be done with conversations. The call and the staff pages call these and nothing below.

All are synchronous and wait for DynamoDB; a call waits on threads of its own (`common.dynamodb.client.run_in_thread`)
and, since the newest write is the truth, makes one write after another. Times, ids and secrets come from
the door. Each raises `UnavailableError` when DynamoDB doesn't serve, besides what its docstring names.

What a conversation's writer may not do any more, `ConversationMovedError` says: another process has taken
the call over, or it has ended.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from common.dynamodb.paging import Page
from common.dynamodb.retries import refuse_if_stale, retry_on_conflict
from common.identity.verification import normalized_name
from common.ids import is_id
from common.timestamps import truncate_to_ms
from conversations import encryption, repository, retention
from conversations.domain import (
    MAX_NAME_LENGTH,
    MEMORY_LASTS,
    UNNAMED,
    Conversation,
    ConversationQuery,
    Lease,
    Progress,
    RestoreData,
    State,
    Status,
    StoredCall,
    TextSearchResult,
    ToolCall,
    ToolCallQuery,
    ToolOutcome,
    Transcript,
    Utterance,
)
from conversations.errors import (
    ConversationGoneError,
    ConversationLiveError,
    ConversationMovedError,
)

SEARCH_AT_MOST = 2_000
"""How many things said, the latest first, are looked through for words."""
FOUND_AT_MOST = 300
"""In how many conversations words are found, the latest first."""
TICKET_MARGIN = timedelta(hours=1)
"""For how long a used ticket is remembered after it expired: servers' clocks differ."""


# --- What a call does


def open_conversation(  # noqa: PLR0913 -- a call begins with that many parts, all named
    *,
    call_id: str,
    resume_secret: str,
    voice: str,
    language: str,
    model_id: str,
    wire: str,
    state: Mapping[str, int] | None = None,
    now: datetime,
) -> Lease:
    """Begin to keep a call; the same again, as after an answer that was lost, changes nothing.

    `resume_secret` is what whoever takes the call over must show; only its hash is stored.

    Raises:
        ConversationMovedError: there is another call with that id, or another process has this one.

    """
    conversation = Conversation(
        id=call_id,
        status=Status.LIVE,
        started_at=truncate_to_ms(now),
        updated_at=truncate_to_ms(now),
        alive_at=truncate_to_ms(now),
        expires_at=now + retention.figures_last(),
        voice=voice,
        language=language,
        model_id=model_id,
        wire=wire,
        resume_hash=encryption.digest(resume_secret),
    )
    nothing = encryption.sealed(RestoreData(state=state or {}))
    try:
        retry_on_conflict(
            lambda: repository.add_conversation(
                conversation, sealed=nothing, memory_until=now + MEMORY_LASTS
            )
        )
    except ConversationMovedError:
        if not _is_as_opened(conversation):
            raise
    return Lease(epoch=conversation.epoch)


def _is_as_opened(conversation: Conversation) -> bool:
    """Whether this conversation is in store, with the same secret, and still whose began it."""
    stored = repository.conversation_by_id(conversation.id)
    return (
        stored is not None
        and stored.status is not Status.ENDED
        and (stored.resume_hash, stored.epoch) == (conversation.resume_hash, conversation.epoch)
    )


def record_progress(
    *,
    call_id: str,
    epoch: int,
    words: Sequence[Utterance],
    progress: Progress,
    state: Mapping[str, int],
    now: datetime,
) -> None:
    """Keep what was said since the last time, the figures so far, and what the model should know.

    Words at the same turn and segment replace those kept before; without text they are taken back. They
    are stored masked, and unmasked only in the sealed memory, beside `state`. One call's keeps must come
    one after another.

    Raises:
        ConversationMovedError: see above.

    """
    said = list({each.place: each for each in words}.values())
    stored = repository.memory_of(call_id, now)
    remembered = (encryption.unsealed(stored) or RestoreData()).after(said, state)
    retry_on_conflict(
        lambda: repository.keep_words(
            call_id,
            epoch=epoch,
            words=retention.words_as_kept(said),
            expires_at=now + retention.words_last(),
            changes=retention.progress_as_kept(progress, now),
            sealed=encryption.sealed(remembered),
            memory_until=now + MEMORY_LASTS,
        )
    )


def renew_lease(*, call_id: str, epoch: int, now: datetime) -> None:
    """Say that the call's server lives. Everything else that is written says so, too.

    Raises:
        ConversationMovedError: see above.

    """
    retry_on_conflict(lambda: repository.note_alive(call_id, epoch=epoch, now=now))


def start_tool_call(  # noqa: PLR0913 -- a tool run has that many parts, all named
    *,
    call_id: str,
    epoch: int,
    tool_use_id: str,
    name: str,
    arguments: Mapping[str, Any],
    turn: int,
    now: datetime,
) -> None:
    """Keep that a tool begins to run, before it may have any effect.

    Raises:
        ConversationMovedError: see above.

    """
    run = ToolCall(
        call_id=call_id,
        tool_use_id=tool_use_id,
        name=name[:MAX_NAME_LENGTH] or UNNAMED,
        arguments=retention.arguments_as_kept(arguments),
        arguments_hash=encryption.arguments_hash(name=name, arguments=arguments),
        outcome=ToolOutcome.RUNNING,
        code=None,
        started_at=truncate_to_ms(now),
        duration_ms=None,
        turn=turn,
    )
    expires_at = now + retention.figures_last()
    retry_on_conflict(lambda: repository.add_tool_run(run, epoch=epoch, expires_at=expires_at))


def finish_tool_call(  # noqa: PLR0913 -- how a tool run ends has that many parts, all named
    *,
    call_id: str,
    epoch: int,
    tool_use_id: str,
    outcome: ToolOutcome,
    code: str | None,
    duration_ms: float,
    now: datetime,
) -> None:
    """Keep what became of a tool run; `code` is its error's.

    Raises:
        ConversationMovedError: see above.
        ToolRunGoneError: it was never begun.

    """
    retry_on_conflict(
        lambda: repository.settle_tool_run(
            call_id,
            tool_use_id,
            epoch=epoch,
            outcome=outcome,
            code=code,
            duration_ms=round(duration_ms, 1),
            now=now,
        )
    )


def end_conversation(
    *, call_id: str, epoch: int, reason: str, progress: Progress, now: datetime
) -> None:
    """End a conversation: its memory is deleted, and it can't go on.

    Raises:
        ConversationMovedError: see above.

    """
    changes = {
        **retention.progress_as_kept(progress, now),
        "reason": reason,
        "ended_at": now,
        "expires_at": now + retention.figures_last(),
    }
    retry_on_conflict(lambda: repository.end_conversation(call_id, epoch=epoch, changes=changes))


def take_over(*, call_id: str, resume_secret: str, now: datetime) -> StoredCall:
    """Take a call from whatever process had it, and return what to go on from.

    Raises:
        ConversationGoneError: unknown, ended, not heard of for an hour, or the secret is another's.

    """

    def attempt() -> StoredCall:
        before = repository.conversation_by_id(call_id)
        if before is None or _memory_shown(before, resume_secret, now) is None:
            raise ConversationGoneError
        epoch = before.epoch + 1
        repository.take_over(before, epoch=epoch, now=now)
        # Only now does nobody else write: what that one had kept to the last is there.
        conversation = repository.conversation_by_id(call_id)
        memory = _memory_shown(conversation, resume_secret, now) if conversation else None
        if conversation is None or memory is None:
            raise ConversationGoneError
        return StoredCall(
            epoch=epoch,
            words=memory.words,
            state=memory.state,
            progress=conversation.progress,
            voice=conversation.voice,
            language=conversation.language,
            wire=conversation.wire,
            tool_runs=repository.tool_runs_of(call_id),
        )

    return retry_on_conflict(attempt)


def claim_ticket(*, nonce: str, expires_at: datetime, now: datetime) -> bool:
    """Use a ticket; return whether it may be used: once, and before it expires."""
    if expires_at <= now or not is_id(nonce):
        return False
    until = expires_at + TICKET_MARGIN
    return retry_on_conflict(lambda: repository.claim_ticket(nonce, expires_at=until))


def _memory_shown(
    conversation: Conversation, resume_secret: str, now: datetime
) -> RestoreData | None:
    """Return the memory of a live conversation to whoever has its secret."""
    is_theirs = encryption.is_secret_of(resume_secret, conversation.resume_hash)
    if not is_theirs or conversation.status is Status.ENDED:
        return None
    return encryption.unsealed(repository.memory_of(conversation.id, now))


# --- What staff do


def find_conversations(
    *, query: ConversationQuery, now: datetime, cursor: str | None = None, limit: int = 25
) -> Page[Conversation]:
    """Return up to `limit` of the conversations that match, by the time they began.

    What has expired isn't shown. Where a state is asked for, a page may be short and yet not the last.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    return repository.conversations_matching(
        query, now=now, kept_since=now - retention.figures_last(), limit=limit, cursor=cursor
    )


def get_conversation(*, call_id: str, now: datetime) -> Transcript:
    """Return a conversation with all that is kept of it.

    Raises:
        ConversationGoneError: there is none, or it has expired.

    """
    conversation = get_transcript(call_id=call_id, now=now)
    words = repository.words_of(call_id)
    return Transcript(
        conversation=conversation,
        words=sorted(words, key=lambda each: each.at),
        tool_runs=repository.tool_runs_of(call_id),
    )


def get_transcript(*, call_id: str, now: datetime) -> Conversation:
    """Return a conversation without what was said in it.

    Raises:
        ConversationGoneError: there is none, or it has expired.

    """
    conversation = repository.conversation_by_id(call_id)
    if conversation is None or conversation.expires_at <= now:
        raise ConversationGoneError
    return conversation


def search_text(*, words: str, query: ConversationQuery, now: datetime) -> TextSearchResult:
    """Return the conversations of the query in which all these words were said, the latest first.

    Accents, capitals and punctuation don't count, and the beginning of a word is enough. Only the latest
    2,000 things said are looked through, and at most 300 conversations found.
    """
    wanted = normalized_name(words)
    kept_since = now - retention.words_last()
    found, is_more = repository.latest_words(
        said_from=max(query.started_from or kept_since, kept_since),
        at_most=SEARCH_AT_MOST,
    )
    heard: dict[str, set[str]] = {}
    for call_id, said in found:
        heard.setdefault(call_id, set()).update(normalized_name(said.text))
    call_ids = [call_id for call_id, all_said in heard.items() if _has_all(all_said, wanted)]
    conversations = repository.conversations_by_id(call_ids[:FOUND_AT_MOST])
    return TextSearchResult(
        conversations=[each for each in conversations if query.admits(each, now)],
        stopped_after=len(found) if is_more or len(call_ids) > FOUND_AT_MOST else None,
    )


def find_tool_calls(
    *, query: ToolCallQuery, now: datetime, cursor: str | None = None, limit: int = 25
) -> Page[ToolCall]:
    """Return up to `limit` of the tool runs that match, of all calls, by the time they began.

    Where a tool and an outcome are asked for, a page may be short and yet not the last.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    return repository.tool_runs_matching(
        query, kept_since=now - retention.figures_last(), limit=limit, cursor=cursor
    )


def get_tool_call(*, call_id: str, tool_use_id: str) -> ToolCall:
    """Return one tool run.

    Raises:
        ConversationGoneError: there is none.

    """
    run = repository.tool_run_by_id(call_id, tool_use_id) if is_id(call_id) else None
    if run is None:
        raise ConversationGoneError
    return run


def delete_conversation(
    *, call_id: str, unchanged_since: datetime | None = None, now: datetime
) -> None:
    """Delete everything that is kept of a conversation.

    Raises:
        ConversationGoneError: there is none.
        ConversationLiveError: it is going on.
        StaleVersionError: it has changed since; its data tells the current version.

    """

    def attempt() -> None:
        conversation = get_transcript(call_id=call_id, now=now)
        if conversation.state(now) is State.LIVE:
            raise ConversationLiveError
        refuse_if_stale(conversation.updated_at, unchanged_since)
        repository.delete_conversation(conversation)

    retry_on_conflict(attempt)


def _has_all(said: set[str], wanted: Sequence[str]) -> bool:
    return all(any(word.startswith(each) for word in said) for each in wanted)
