"""Files that usually hold secrets are known by their paths, in any spelling; ordinary files are not among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_nb.prompting.secret_places import VARIABLES, holds_secrets

SECRET = """
.ssh/id_rsa .ssh/id_ed25519 .ssh/id_ecdsa_sk .ssh/config .ssh/known_hosts .ssh/authorized_keys .ssh/id_rsa.pub
keys/id_rsa deploy_rsa work/server.pem tls/server.key cert.p12 cert.pfx app.jks release.keystore key.ppk
AuthKey_ABC.p8 user.keytab .gnupg/private-keys-v1.d/A.key .gnupg/pubring.kbx .gnupg/gpg.conf secring.gpg
.aws/credentials .aws/config .aws/sso/cache/0.json .azure/accessTokens.json .azure/msal_token_cache.json
.config/gcloud/credentials.db .config/gcloud/application_default_credentials.json
AppData/Roaming/gcloud/access_tokens.db my-service-account.json service_account.json
client_secret_1.apps.googleusercontent.com.json .boto .s3cfg .oci/config .aliyun/config.json .config/doctl/config.yaml
.config/hcloud/cli.toml .config/linode-cli .config/scw/config.yaml .config/openstack/clouds.yaml clouds.yaml openrc.sh
admin-openrc.sh .bluemix/config.json .cf/config.json .fly/config.yml .netlify/config.json .config/heroku/x
.config/gh/hosts.yml .config/glab-cli/config.yml .config/hub .config/stripe/config.toml
.config/configstore/firebase-tools.json .kube/config kubeconfig prod.kubeconfig k3s.yaml .docker/config.json
.dockercfg .config/containers/auth.json .helm/repository/repositories.yaml .config/helm/repositories.yaml
.minikube/ca.key terraform.tfstate infra/terraform.tfstate.backup terraform.tfvars prod.auto.tfvars
.terraform.d/credentials.tfrc.json .terraformrc .pulumi/credentials.json .vault-token .vault_pass.txt .chef/knife.rb
.config/rclone/rclone.conf rclone.conf .netrc _netrc .npmrc .yarnrc.yml .pypirc pip.conf .config/pip/pip.conf
AppData/Roaming/pip/pip.ini .gem/credentials .bundle/config .cargo/credentials.toml .cargo/credentials
.composer/auth.json .m2/settings.xml .m2/settings-security.xml .gradle/gradle.properties .condarc
.config/pypoetry/auth.toml .git-credentials .config/git/credentials .gitconfig .git/config .hgrc .env .env.local
.env.production .env.bak prod.env .envrc .flaskenv app/.env~ .pgpass .pg_service.conf .my.cnf .mylogin.cnf .mongorc.js
.cassandra/cqlshrc .odbc.ini .dbt/profiles.yml .snowsql/config .snowflake/connections.toml .databrickscfg
.smbcredentials .bash_history .zsh_history .zhistory .sh_history .python_history .node_repl_history .mysql_history
.psql_history .sqlite_history .rediscli_history .irb_history .Rhistory .lesshst .viminfo
.local/share/fish/fish_history .wget-hsts .julia/logs/repl_history.jl
AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine/ConsoleHost_history.txt .duckdb_history
.mozilla/firefox/a.default/logins.json .config/google-chrome/Default/Preferences .config/chromium/Default/Cookies
.config/BraveSoftware/Brave-Browser/Default/Web#Data .config/microsoft-edge/Default/Bookmarks
.config/vivaldi/Default/x snap/chromium/common/x snap/firefox/common/.mozilla/firefox/x/prefs.js
.var/app/org.mozilla.firefox/.mozilla/x Library/Safari/History.plist
Library/Application#Support/Google/Chrome/Default/Login#Data Library/Application#Support/Firefox/Profiles/a/key4.db
AppData/Local/Google/Chrome/User#Data/Default/Preferences AppData/Roaming/Mozilla/Firefox/profiles.ini cookies.txt
Library/Keychains/login.keychain-db Library/Cookies/x Library/Messages/chat.txt .local/share/keyrings/login.keyring
.local/share/kwalletd/kdewallet.kwl AppData/Roaming/Microsoft/Credentials/A AppData/Local/Microsoft/Vault/x
passwords.kdbx .password-store/mail.gpg .config/Bitwarden/data.json .config/Bitwarden#CLI/data.json .config/op/config
.config/keepassxc/x.ini .local/share/lpass/session .authinfo .htpasswd passwords.txt Chrome#Passwords.csv
credentials.json credentials.csv secrets.yaml rootkey.csv secrets.toml .streamlit/secrets.toml token.json master.key
wp-config.php database.yml sftp-config.json .config/filezilla/sitemanager.xml .remmina/a.remmina home.rdp
.thunderbird/x.default/prefs.js .msmtprc .fetchmailrc .mutt/muttrc .purple/accounts.xml .weechat/sec.conf
.config/Slack/x .config/Signal/config.json .bitcoin/wallet.dat .config/solana/id.json
.jupyter/jupyter_server_config.json .local/share/jupyter/runtime/kernel-1.json Library/Jupyter/runtime/kernel-1.json
jupyter_cookie_secret .ipython/profile_default/history.sqlite .ipython/profile_default/security/x.json
.kaggle/kaggle.json .cache/huggingface/token .claude/.credentials.json .claude.json .claude/history.jsonl
.claude/projects/a/b.jsonl .codex/auth.json .gemini/oauth_creds.json .config/io.datasette.llm/keys.json
.local/share/claude_nb/history.db Library/Application#Support/claude_nb/x history-damaged-1.db .config/anthropic/x
.openai/key .config/github-copilot/hosts.json .Xauthority .ICEauthority .rhosts .wakatime.cfg .cdsapirc .SSH/ID_RSA
Credentials.JSON /etc/shadow /etc/gshadow- /etc/sudoers /etc/sudoers.d/ada /etc/ssl/private/x
/etc/ssh/ssh_host_rsa_key /etc/wireguard/wg0.conf /etc/NetworkManager/system-connections/home /etc/krb5.keytab
/run/secrets/db_password /var/run/secrets/kubernetes.io/serviceaccount/token /etc/kubernetes/admin.conf
/etc/letsencrypt/live/x/privkey.pem /etc/mysql/debian.cnf /etc/ppp/chap-secrets /Windows/System32/config/SAM
prod-kubeconfig kubeconfig-prod.yaml .config/sops/age/keys.txt .wandb/settings wg0.conf .circleci/cli.yml
.travis/config.yml .python-gitlab.cfg .jira.d/config.yml .config/jira/.config.yml .config/neomutt/neomuttrc
.config/aerc/accounts.conf .config/himalaya/config.toml .config/vdirsyncer/config .config/duplicati/x
.config/tailscale/x .config/Code/User/globalStorage/state.vscdb .config/JetBrains/IDE/options/security.xml
.dbus-keyrings/x .znc/configs/znc.conf .local/share/nvim/shada/main.shada .config/psysh/psysh_history
.config/litecli/history .config/pgcli/history .mongodb/mongosh/mongosh_repl_history .mongosh/x .lldb/lldb-widehistory
.atuin/x .local/share/mc/history .bash_sessions/x.history .zsh_sessions/x.session .config/xonsh/x
"""

ORDINARY = """
notes.txt table.csv report.pdf plot.png README.md src/main.py .gitignore .github/workflows/ci.yml pyproject.toml
config.json config.yaml settings.json package.json package-lock.json tsconfig.json Dockerfile docker-compose.yml
main.tf variables.tf .env.example .env.sample .env.template environment.yml environment.txt keyboard.txt monkey.csv
passwordless.md credentials.py providers/credentials.md secretary.csv shadows.txt history.txt history.csv
history_of_rome.md tokens.json tokens.txt tokenizer.json id_rsa.pub keys.py signal/data.csv signals/ecg.csv
chromium/README.md arc/notes.txt jupyter_notes.md kernel-density.json data/secrets_of_the_sea.txt parameters.yml
cookies/recipe.txt chocolate_cookies.txt hosts.csv known.txt .config/matplotlib/matplotlibrc .vscode/settings.json
.claude/CLAUDE.md CLAUDE.md session.json Music/keyrings.txt gcloud.md aws.md ssh.md terraform.md data/rclone/notes.txt
docs/docker.md /etc/hosts /etc/passwd /etc/ssh/sshd_config /etc/os-release /usr/share/dict/words .bashrc .vimrc .zshrc
Downloads/photo.jpg Library/Application#Support/notes.txt AppData/Local/Temp/x.txt
"""


def place(name: str) -> Path:
    path = Path(name)
    return path if path.is_absolute() else Path("/home/ada") / path


@pytest.mark.parametrize("name", SECRET.split())
def test_a_file_that_usually_holds_secrets_is_known_by_its_path(name: str) -> None:
    name = name.replace("#", " ")  # a blank in a name
    assert holds_secrets(place(name))
    assert holds_secrets(place(name.upper()))


@pytest.mark.parametrize("name", ORDINARY.split())
def test_an_ordinary_file_is_not_taken_for_a_secret(name: str) -> None:
    assert not holds_secrets(place(name.replace("#", " ")))


@pytest.mark.parametrize("copy", ["{}~", "{}.bak", "{}.old", "{}.1", "{} copy", "{} (1)", "#{}#", "{}.orig", "{}.swp"])
@pytest.mark.parametrize("name", ["id_rsa", ".netrc", "credentials", ".pgpass"])
def test_a_copy_of_such_a_file_is_known_too(copy: str, name: str) -> None:
    assert holds_secrets(place(copy.format(name)))


def test_other_spellings_of_a_path_are_known() -> None:
    for name in (
        "/home/ada/x/../.ssh/config",
        "/home//ada/./.ssh/config",
        "/home/ada/.ＳＳＨ/config",
        "/home/ada/.ſſh/config",
    ):
        assert holds_secrets(Path(name))


@pytest.mark.parametrize("name", VARIABLES.split())
def test_what_a_variable_of_the_environment_names_is_known(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "mine"))
    assert holds_secrets(tmp_path / "mine")
    assert holds_secrets(tmp_path / "mine" / "within.txt")
    assert not holds_secrets(tmp_path / "mine.txt")
    monkeypatch.setenv(name, str(Path.cwd()))
    assert not holds_secrets(Path("notes.txt"))
