"""Files that usually hold passwords, keys or a person's tracks, as secret scanners and cloud tools document them.

A pattern matches the end of a path; with / at its end every file below that folder, with / at its start from the root.
Case never counts, because some file systems ignore it. Public keys and examples are not listed.
"""

from __future__ import annotations

import os
import re
import unicodedata
from functools import cache
from pathlib import Path

KEYS = """
.ssh/ .gnupg/ .pki/ .putty/ .age/ id_rsa* id_dsa* id_ecdsa* id_ed25519* id_xmss* *_rsa *_dsa *_ecdsa *_ed25519
ssh_host_*_key authorized_keys* known_hosts* .rhosts .shosts *.ppk *.pem *.key *.p8 *.p12 *.pk8 *.pfx *.pkcs12 *.jks
*.jceks *.bks *.bcfks *.keystore *.truststore *.keytab *.kirbi krb5cc_* *.ovpn *.tblk *.bek *.fve *.tpm secring.*
pubring.kbx *private*key*.asc *secret*key*.asc otr.private_key .dbus-keyrings/ .config/sops/ .vault-token .vault_pass*
vault_pass* .vault-pass* master.key *.agekey age-key.txt wallet.dat *.wallet *.sso .bitcoin/ .ethereum/ .electrum/
.monero/ .solana/ .config/solana/ keystore/utc--* .xauthority .iceauthority
"""
PASSWORDS = """
.password-store/ .gopass/ *.kdb *.kdbx *.psafe3 *.agilekeychain *.agilekeychain/ *.opvault/ *.1pif *.1pux *.enpassdb
*.enpassbackup *.walletx *.keychain *.keychain-db library/keychains/ *.kwallet .gnome2_private/ .lastpass/ .op/
.authinfo* .netrc* _netrc .htpasswd* htpasswd .passwd passwd.txt password passwords {password,passwords}.{DATA}
chrome?passwords.csv logins.csv 1password*.csv lastpass*.csv bitwarden*.{json,csv} .secret .secrets secret secrets
.secrets/ {secret,secrets,credential,credentials,creds}.{DATA} .credentials* credentials .creds* *.credentials
*{-,_,.}{secret,secrets,credential,credentials}.{DATA} token.{json,txt} .token {api-key,api_key,apikey}{,s}.{txt,json}
*recovery?codes*.txt
"""
CLOUDS = """
.aws/ aws_credentials .azure/ .azuredevops/ application_default_credentials.json *service{-,_,}account*.json
client_secret*.json gcp-key*.json gcloud*.json gha-creds-*.json adc.json .boto boto.cfg .s3cfg .passwd-s3fs
rootkey.csv *accesskeys*.csv .oci/ .oraclebmc/ .aliyun/ .alibabacloud/ .tccli/ .qcloud* .linode-cli .tugboat ovh.conf
.ovh.conf clouds.{yaml,yml} secure.{yaml,yml} openrc *openrc.sh keystonerc* .novarc .bluemix/ .ibmcloud/ .cf/ .fly/
.heroku/ heroku.json .netlify/ .vercel/ .now/ .railway/ .render/ .supabase/ .cloudflared/ .wrangler/ cloudflare.ini
firebase-tools.json .config/configstore/ gh/hosts.yml .snowflake/ .snowsql/ .databrickscfg .databricks/ .bigqueryrc
.comet.config .neptune* .kaggle/ kaggle.json .huggingface/ huggingface/{token,stored_tokens} .modal.toml .lightning/
.runpod/ .vast_api_key .replicate* .cohere/ .openai/ .anthropic/ .claude.json* .claude/.credentials* .claude/history*
.claude/projects/ .codex/{auth.json,history*} .codex/sessions/ .gemini/oauth* .copilot/ .aider* .continue/config.*
.cursor/mcp.json claude_desktop_config.json .ollama/{id_*,history} .sentryclirc .wandb/ .twilio-cli/ .stripe/ .cdsapirc
.ecmwfapirc .dvc/config.local .wakatime.cfg .earthengine/ .algorithmia/ .floyd* history-damaged-*
"""
SERVERS = """
.kube/ kubeconfig* *kubeconfig admin.conf k3s.yaml rke2.yaml .minikube/ .rancher/ talosconfig .talos/
secrets/kubernetes.io/ /run/secrets/ /var/run/secrets/ /etc/kubernetes/ /etc/rancher/ .docker/ .dockercfg
.dockerconfigjson containers/auth.json /run/containers/ .helm/ helm/{repositories.yaml,registry/config.json} .argocd/
*.tfstate *.tfstate.* *.tfvars *.tfvars.json .terraform.d/ .terraformrc terraform.rc .pulumi/ .chef/ knife.rb
.puppetlabs/ .vagrant.d/ .saltrc galaxy_token .nomad/ .consul* .boundary/ .teleport/ .tsh/ .step/ .tailscale/ .ngrok*
.ngrok2/ ngrok.yml .localtunnel* rclone.conf .rclone.conf .restic* .smbcredentials .cifs* .davfs2/ davfs2/secrets
.sshpass shadow gshadow
/etc/{shadow,gshadow,sudoers,passwd-,master.passwd,security/passwd,vault,ipsec.secrets,ldap.secret,wpa_supplicant}*
/etc/sudoers.d/ /etc/ssl/private/ /etc/pki/tls/private/ /etc/letsencrypt/ /etc/wireguard/ /etc/openvpn/ /etc/ppp/
/etc/sssd/ /etc/networkmanager/system-connections/ /etc/wpa_supplicant/ wpa_supplicant*.conf /etc/docker/key.json
/etc/exim*/passwd* /etc/postfix/sasl* /etc/dovecot/*passwd* /etc/mysql/debian.cnf /etc/salt/pki/
/var/lib/{sss,samba,cloud}/ proftpdpasswd .jenkins/ jenkins*.xml hudson.util.secret filezilla*.xml sitemanager.xml
recentservers.xml .ftpconfig sftp-config.json .vscode/sftp.json .remote-sync.json ws_ftp.ini winscp.ini *.rdp *.rdg
*.ica .remmina/ *.cscfg *.publishsettings unattend.xml autounattend.xml sysprep.{xml,inf} wg?.conf .circleci/cli.yml
.travis/config.yml .python-gitlab.cfg .jira.d/
"""
PROGRAMS = """
.env .env.* .env-* .env_* *.env .envrc env.local .flaskenv .pam_environment .exports .extra .npmrc _npmrc .yarnrc
.yarnrc.yml .pypirc pip.conf pip.ini pypoetry/auth.toml uv/credentials/ .condarc .gem/credentials .bundle/config
.cargo/credentials* auth.json nuget.config .m2/settings*.xml .gradle/gradle.properties gradle.properties .jfrog/
.ivy2/.credentials .sbt/*credentials* hex.config pub-credentials.json .git-credentials* git/credentials* .gitconfig
.git/config .gitrobrc .hgrc .svn/auth/ .subversion/ .bazaar/ .arcrc .reviewboardrc .gist .gist-vim .hub .pgpass
pgpass.conf .pg_service.conf .my.cnf my.cnf .mylogin.cnf .mysql/ .mongorc.js .mongoshrc.js .redisclirc .cassandra/
.cqlshrc cqlshrc .odbc.ini odbc.ini .freetds.conf .dbt/ profiles.yml .dbeaver* credentials-config.json robomongo.json
.robomongo/ .pgadmin/ database.{yml,yaml} mongoid.yml wp-config.php localsettings.php settings.local.php
local_settings.py configuration.php config.inc.php secret_token.rb omniauth.rb carrierwave.rb credentials.yml.enc
application-prod*.{yml,yaml,properties} web.config appsettings.*.json connectionstrings.config *.pubxml .msmtprc
msmtp/config .fetchmailrc .getmail/ .mutt/ .muttrc .mbsyncrc .offlineimaprc .esmtprc .mailrc .thunderbird/ .purple/
.irssi/ .znc/ .weechat/ .xchat2/ telegram*/tdata/ .dayone .gnucash .streamlit/secrets.toml .jupyter/ jupyter/runtime/
jupyter_*config.{json,py} jupyter_cookie_secret jpserver-*.json nbserver-*.json notebook_secret notebook_cookie_secret
profile_*/security/ profile_*/history.sqlite* .renviron .wgetrc .curlrc _curlrc .httpie/ .insomnia*
*postman_environment.json fish_variables globalstorage/state.vscdb* options/security.xml
"""
TRACKS = """
.*history .*history-* .history/ .histfile *_history *_history.jsonl *-widehistory *.shada .bash_sessions/
.zsh_sessions/ nushell/history.* xonsh*history* .lesshst .viminfo .octave_hist .dbshell repl_history* ghci_history
consolehost_history.txt psreadline/ .wget-hsts .recently-used* recently-used.xbel .xsession-errors .mcfly/ .atuin/
.mongodb/ .mongosh/
"""
BROWSERS = """
.mozilla/ mozilla/firefox/ firefox/profiles/ .librewolf/ .waterfox/ .zen/ .tor?browser/ library/safari/
library/cookies/ library/messages/ library/mail/ library/accounts/ library/group?containers/ library/identityservices/
cookies cookies-journal cookies.{txt,json} cookies.sqlite* login?data* web?data logins*.json key3.db key4.db cert8.db
cert9.db signons.sqlite* places.sqlite* formhistory.sqlite* local?state com.operasoftware.*/
appdata/*/microsoft/{credentials,protect,vault,crypto}/ appdata/*/microsoft/systemcertificates/ system32/config/
ntds.dit
"""
# These programs keep such files in the folder of their name, in the places where systems have such folders.
PROGRAM_FOLDERS = """
1password aerc anthropic arc argocd atuin bitwarden* borg bravesoftware chromium claude_nb cockroach* com.vercel.cli
dashlane discord doctl duplicati earthengine enpass epiphany evolution exoscale falkon filezilla firebase flux gcloud
gh github?cli github-copilot glab* google/chrome* google-chrome* goose helm heroku hcloud hexchat himalaya hub
io.datasette.llm jira jupyter/runtime keepass* keepassxc keyrings kwalletd librewolf linode* litecli lpass mc
microsoft-edge* microsoft/edge* microsoft?edge mongodb mozilla neomutt netlify nextcloud ngrok nordpass npm op openai
openstack opera* pgcli postman pulumi qutebrowser rbw rclone remmina restic scw secrets signal slack snowflake step
stripe syncthing tailscale tea telegram* thunderbird vastai vdirsyncer vivaldi wandb wireguard .wrangler wrangler
xonsh yandex* zen
"""
PROGRAM_PLACES = (
    ".config",
    ".local/share",
    ".local/state",
    "application?support",
    "appdata/local",
    "appdata/roaming",
    "snap",
    ".var/app",
)
DATA = "json,csv,txt,xml,yml,yaml,toml,ini,cfg,conf,properties,db,env,enc"
EXAMPLES = re.compile(r"\.(example|sample|template|tmpl|dist|defaults|pub)$")
COPIES = re.compile(r"(~|\.(bak|backup|old|orig|save|saved|copy|sw[op]|tmp|\d+)|[ _-]copy|(?<![ _-])[ _-]*\(\d+\))$")
LONGEST_NAME = 1_000  # no file has a longer one, and a pattern would look at it for minutes
# Variables that name such a file, or a folder of such files.
VARIABLES = """
AWS_SHARED_CREDENTIALS_FILE AWS_CONFIG_FILE AWS_WEB_IDENTITY_TOKEN_FILE GOOGLE_APPLICATION_CREDENTIALS CLOUDSDK_CONFIG
AZURE_CONFIG_DIR AZURE_FEDERATED_TOKEN_FILE AZURE_AUTH_LOCATION OCI_CLI_CONFIG_FILE BOTO_CONFIG KUBECONFIG GNUPGHOME
PASSWORD_STORE_DIR NETRC PGPASSFILE PGSERVICEFILE MYSQL_TEST_LOGIN_FILE NPM_CONFIG_USERCONFIG PIP_CONFIG_FILE
REGISTRY_AUTH_FILE RCLONE_CONFIG TF_CLI_CONFIG_FILE ANSIBLE_VAULT_PASSWORD_FILE HISTFILE PYTHON_HISTORY LESSHISTFILE
MYSQL_HISTFILE PSQL_HISTORY SQLITE_HISTORY NODE_REPL_HISTORY HF_TOKEN_PATH KRB5_KTNAME JUPYTER_RUNTIME_DIR
CLAUDE_NB_HISTORY DATABRICKS_CONFIG_FILE OS_CLIENT_CONFIG_FILE
"""


def holds_secrets(path: Path) -> bool:
    """Return whether a file usually holds secrets: holds_secrets(Path("/home/ada/.ssh/id_rsa")) -> True.

    Only its path counts. Links have to be followed before.
    """
    place = _plain(path)
    folder, _, name = place.rpartition("/")
    if len(name) > LONGEST_NAME:
        return False
    folders, files = _patterns()
    spellings = {name, COPIES.sub("", name), name.strip("#")}
    if folders.search(f"{place}/"):
        return True
    if any(files.search(f"{folder}/{spelling}") for spelling in spellings if not EXAMPLES.search(spelling)):
        return True
    return any(f"{place}/".startswith(named) for named in _named_places())


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what matches folders, and what matches files."""
    listed = f"{KEYS} {PASSWORDS} {CLOUDS} {SERVERS} {PROGRAMS} {TRACKS} {BROWSERS}".split()
    listed += [f"{place}/{name}/" for place in PROGRAM_PLACES for name in PROGRAM_FOLDERS.split()]
    folders = "|".join(_regex(pattern) for pattern in listed if pattern.endswith("/"))
    files = "|".join(_regex(pattern) for pattern in listed if not pattern.endswith("/"))
    return re.compile(folders), re.compile(f"(?:{files})$")


def _regex(pattern: str) -> str:
    """Return a pattern as a regular expression. {a,b} is a choice, * and ? stay within one name."""
    text = re.escape(pattern.replace("{DATA}", f"{{{DATA}}}"))
    text = re.sub(r"\\\{([^{}]*)\\\}", lambda choice: f"(?:{choice[1].replace(',', '|')})", text)
    text = text.replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return f"^{text}" if pattern.startswith("/") else f"/{text}"


def _plain(path: Path) -> str:
    """Return an absolute path in one spelling: small letters, /, and on Windows without what it ignores."""
    text = unicodedata.normalize("NFKC", os.path.abspath(path)).casefold()  # noqa: PTH100  # links stay as they are
    if os.name != "nt":
        return text
    start, *parts = text.replace("\\", "/").split("/")
    return "/".join([start, *(part.partition(":")[0].rstrip(". ") for part in parts)])


def _named_places() -> list[str]:
    """Return the places that variables of the environment name, but no folder of all the user's files."""
    values = [value for name in VARIABLES.split() for value in os.environ.get(name, "").split(os.pathsep)]
    paths = [Path(os.path.expanduser(value)) for value in values if len(value) > 1]  # noqa: PTH111  # an unknown user
    places = {f"{_plain(place)}/" for path in paths for place in (path, path.resolve())}
    own = [f"{_plain(Path(folder))}/" for folder in (".", os.path.expanduser("~"))]  # noqa: PTH111  # an unknown user
    return [place for place in places if not any(folder.startswith(place) for folder in own)]
