import type { Command } from "./command.ts";
import { activateCommand } from "./commands/activate.ts";
import { adminAllowNameCommand } from "./commands/admin-allow-name.ts";
import { adminCreateCommand } from "./commands/admin-create.ts";
import { adminDeleteCommand } from "./commands/admin-delete.ts";
import { adminDisableCommand } from "./commands/admin-disable.ts";
import { adminEnableCommand } from "./commands/admin-enable.ts";
import { adminEventsCommand } from "./commands/admin-events.ts";
import { adminForgetCommand } from "./commands/admin-forget.ts";
import { adminGrantCommand } from "./commands/admin-grant.ts";
import { adminInviteCommand } from "./commands/admin-invite.ts";
import { adminListCommand } from "./commands/admin-list.ts";
import { adminPurgeCommand } from "./commands/admin-purge.ts";
import { adminQuarantineCommand } from "./commands/admin-quarantine.ts";
import { adminReadOnlyCommand } from "./commands/admin-read-only.ts";
import { adminResetPasswordCommand } from "./commands/admin-reset-password.ts";
import { adminRevokeCommand } from "./commands/admin-revoke.ts";
import { adminRotateJwtKeyCommand } from "./commands/admin-rotate-jwt-key.ts";
import { adminShowCommand } from "./commands/admin-show.ts";
import { adminUpholdResetCommand } from "./commands/admin-uphold-reset.ts";
import { archiveCommand } from "./commands/archive.ts";
import { backupCreateCommand } from "./commands/backup-create.ts";
import { backupListCommand } from "./commands/backup-list.ts";
import { backupRestoreCommand } from "./commands/backup-restore.ts";
import { backupVerifyCommand } from "./commands/backup-verify.ts";
import { checkCommand } from "./commands/check.ts";
import { completionCommand } from "./commands/completion.ts";
import { configGetCommand } from "./commands/config-get.ts";
import { configListCommand } from "./commands/config-list.ts";
import { configSetCommand } from "./commands/config-set.ts";
import { dbCopyCommand } from "./commands/db-copy.ts";
import { deprecateCommand } from "./commands/deprecate.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { downloadCommand } from "./commands/download.ts";
import { fsckCommand } from "./commands/fsck.ts";
import { gcCommand } from "./commands/gc.ts";
import { healthcheckCommand } from "./commands/healthcheck.ts";
import { infoCommand } from "./commands/info.ts";
import { initCommand } from "./commands/init.ts";
import { keyAddCommand } from "./commands/key-add.ts";
import { keyApproveCommand } from "./commands/key-approve.ts";
import { keyBackupCommand } from "./commands/key-backup.ts";
import { keyGenerateCommand } from "./commands/key-generate.ts";
import { keyListCommand } from "./commands/key-list.ts";
import { keyRegisterCommand } from "./commands/key-register.ts";
import { keyRemoveCommand } from "./commands/key-remove.ts";
import { keyRequestCommand } from "./commands/key-request.ts";
import { keyRetireCommand } from "./commands/key-retire.ts";
import { keyRotateCommand } from "./commands/key-rotate.ts";
import { keyShowCommand } from "./commands/key-show.ts";
import { logAcceptRollbackCommand } from "./commands/log-accept-rollback.ts";
import { logAuditCommand } from "./commands/log-audit.ts";
import { logKeyCommand } from "./commands/log-key.ts";
import { logMakeKeyCommand } from "./commands/log-make-key.ts";
import { logRecoverCommand } from "./commands/log-recover.ts";
import { logRotateKeyCommand } from "./commands/log-rotate-key.ts";
import { logStartNewCommand } from "./commands/log-start-new.ts";
import { loginCommand } from "./commands/login.ts";
import { logoutCommand } from "./commands/logout.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { openapiCommand } from "./commands/openapi.ts";
import { ownerAcceptCommand } from "./commands/owner-accept.ts";
import { ownerInviteCommand } from "./commands/owner-invite.ts";
import { ownerListCommand } from "./commands/owner-list.ts";
import { ownerRemoveCommand } from "./commands/owner-remove.ts";
import { packCommand } from "./commands/pack.ts";
import { publishCommand } from "./commands/publish.ts";
import { registerCommand } from "./commands/register.ts";
import { resetPasswordCommand } from "./commands/reset-password.ts";
import { searchCommand } from "./commands/search.ts";
import { serveCommand } from "./commands/serve.ts";
import { storageCopyCommand } from "./commands/storage-copy.ts";
import { tokenCreateCommand } from "./commands/token-create.ts";
import { tokenListCommand } from "./commands/token-list.ts";
import { tokenRevokeCommand } from "./commands/token-revoke.ts";
import { unyankCommand } from "./commands/unyank.ts";
import { verifyCommand } from "./commands/verify.ts";
import { versionCommand } from "./commands/version.ts";
import { webhookCreateCommand } from "./commands/webhook-create.ts";
import { webhookDeliveriesCommand } from "./commands/webhook-deliveries.ts";
import { webhookListCommand } from "./commands/webhook-list.ts";
import { webhookRemoveCommand } from "./commands/webhook-remove.ts";
import { webhookReplayCommand } from "./commands/webhook-replay.ts";
import { webhookTestCommand } from "./commands/webhook-test.ts";
import { whoamiCommand } from "./commands/whoami.ts";
import { witnessCommand } from "./commands/witness.ts";
import { workerCommand } from "./commands/worker.ts";
import { yankCommand } from "./commands/yank.ts";

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  registerCommand,
  loginCommand,
  logoutCommand,
  resetPasswordCommand,
  whoamiCommand,
  initCommand,
  packCommand,
  checkCommand,
  publishCommand,
  keyGenerateCommand,
  keyListCommand,
  keyShowCommand,
  keyBackupCommand,
  keyRegisterCommand,
  keyAddCommand,
  keyRemoveCommand,
  keyRotateCommand,
  keyRetireCommand,
  keyRequestCommand,
  keyApproveCommand,
  searchCommand,
  infoCommand,
  downloadCommand,
  yankCommand,
  unyankCommand,
  deprecateCommand,
  archiveCommand,
  activateCommand,
  ownerListCommand,
  ownerInviteCommand,
  ownerAcceptCommand,
  ownerRemoveCommand,
  tokenCreateCommand,
  tokenListCommand,
  tokenRevokeCommand,
  webhookCreateCommand,
  webhookListCommand,
  webhookTestCommand,
  webhookDeliveriesCommand,
  webhookReplayCommand,
  webhookRemoveCommand,
  configGetCommand,
  configSetCommand,
  configListCommand,
  completionCommand,
  doctorCommand,
  serveCommand,
  migrateCommand,
  healthcheckCommand,
  fsckCommand,
  gcCommand,
  backupCreateCommand,
  backupListCommand,
  backupVerifyCommand,
  backupRestoreCommand,
  storageCopyCommand,
  dbCopyCommand,
  adminCreateCommand,
  adminResetPasswordCommand,
  adminGrantCommand,
  adminRevokeCommand,
  adminDisableCommand,
  adminEnableCommand,
  adminInviteCommand,
  adminListCommand,
  adminShowCommand,
  adminDeleteCommand,
  adminForgetCommand,
  adminQuarantineCommand,
  adminPurgeCommand,
  adminUpholdResetCommand,
  adminRotateJwtKeyCommand,
  adminAllowNameCommand,
  adminReadOnlyCommand,
  adminEventsCommand,
  witnessCommand,
  verifyCommand,
  logAuditCommand,
  logKeyCommand,
  logMakeKeyCommand,
  logRotateKeyCommand,
  logStartNewCommand,
  logRecoverCommand,
  logAcceptRollbackCommand,
  openapiCommand,
  versionCommand,
  workerCommand,
];

/** One-line summaries of command groups, by the first word of the command. */
export const GROUPS: Readonly<Record<string, string>> = {
  key: "make, share, rotate and back up signing keys",
  owner: "see, invite and remove the owners of a package",
  token: "make, list and revoke API tokens",
  webhook: "send events to another program as they happen",
  config: "read and change the client's configuration",
  storage: "copy archives between storages",
  backup: "back up the registry, check a backup, restore it",
  db: "copy the database, between SQLite and Postgres too",
  admin: "manage accounts, quarantine packages or take them down",
  log: "audit a transparency log, manage this registry's log",
};

/** The command that runs if the command line names none. */
export const DEFAULT_COMMAND = "serve";
