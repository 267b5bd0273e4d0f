"""The names under which attributes are stored: a model that reads another name loses what is stored."""

import pytest

from maintenance.inspection.kinds import KINDS

pytestmark = pytest.mark.pure

STORED = {
    (
        "orders",
        "order",
    ): "PK SK changes createdAt customerEmail customerName dni estimatedDelivery id items "
    "needsReview status total trackingNumber updatedAt",
    ("orders", "product"): "PK SK createdAt isOffered name price status updatedAt",
    ("orders", "token"): "PK SK createdId expiresAt requestHash",
    ("orders", "failed attempts"): "PK SK createdAt expiresAt failures status",
    ("orders", "creation counts"): "PK SK created expiresAt",
    ("orders", "request count"): "PK SK expiresAt requests",
    ("orders", "known address"): "PK SK expiresAt",
    (
        "appointments",
        "appointment",
    ): "PK SK appointmentDate changes code createdAt date dni doctorName duration id notes "
    "patientEmail patientName phone reservedUntil status type updatedAt",
    ("appointments", "information"): "PK SK createdAt keywords text title updatedAt",
    ("appointments", "schedule"): "PK SK content createdAt updatedAt",
    ("appointments", "message"): (
        "PK SK appointmentDate attempts content createdAt error event expiresAt recipient recordId recordType "
        "resends sentAt status updatedAt version"
    ),
    ("appointments", "webhook"): (
        "PK SK createdAt description disabledReason events failingSince personalData "
        "sealedPreviousSecrets sealedSecret updatedAt url"
    ),
    ("appointments", "delivery"): (
        "PK SK appointmentDate attempts body createdAt deliveryStatus endpointId event expiresAt log "
        "personalData recordId recordType status updatedAt version"
    ),
    ("appointments", "token"): "PK SK createdId expiresAt requestHash",
    ("calls", "model usage"): "PK SK expiresAt seconds",
    (
        "calls",
        "utterance",
    ): "PK SK at expiresAt heardMs interrupted latencyMs segment speaker stage text turn",
    (
        "calls",
        "tool call",
    ): "PK SK arguments argumentsHash code durationMs expiresAt outcome record startedAt tool "
    "toolUseId turn",
    ("calls", "checkpoint"): "PK SK expiresAt sealed",
    ("calls", "used ticket"): "PK SK expiresAt",
    ("calls", "business profile"): "PK SK number savedAt savedBy texts",
    ("calls", "business profile version"): "PK SK number savedAt savedBy texts",
    ("calls", "follow-up"): (
        "PK SK callId customerName doneBy email expiresAt kind message note phone startedAt updatedAt"
    ),
    ("calls", "session leases"): "PK SK expiresAt leases version",
    (
        "calls",
        "data migration",
    ): "PK SK attempt backup changed finishedAt leaseUntil name problems runner startedAt state",
    ("calls", "undo item"): "PK SK after expiresAt",
    ("appointments", "doctor's day"): ("PK SK holds revision slots"),
    ("appointments", "patient's day"): ("PK SK holds revision slots"),
    ("appointments", "waiting entry"): ("PK SK content createdAt expiresAt updatedAt"),
    ("appointments", "reservation"): "PK SK appointmentId expiresAt until",
    ("calls", "conversation"): (
        "PK SK aliveAt costUsd endedAt epoch errors expiresAt hadErrors heardMedianMs id interruptions kind language latencyMaxMs latencyMedianMs leftAt live "
        "modelId reason renewals result resultCode resumeHash resumes speechTokensIn speechTokensOut startedAt textTokensIn textTokensOut toolRuns turns updatedAt voice wanted wire"
    ),
}


def test_stored_names_change_only_with_a_data_migration() -> None:
    """If this fails because a name changed: keep the old one as `attr_name`, or write a data migration."""
    declared = {
        (table, kind.name): " ".join(
            sorted(attribute.attr_name for attribute in kind.model.get_attributes().values())
        )
        for table, kinds in KINDS.items()
        for kind in kinds
    }
    assert declared == STORED
