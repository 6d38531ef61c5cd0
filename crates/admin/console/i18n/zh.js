// 中文文案。键与 `en.js` 相同，由测试比对。

export default {
  // The shell.
  'again': '重试',
  'app.none': '尚无应用，请先创建：',
  'app.pick': '应用',
  'cancel': '取消',
  'code.more': '关于 {code}',
  'code.none': '无应答',
  'copied': '已复制',
  'copy': '复制',
  'group.app': '当前应用',
  'group.develop': '开发',
  'group.server': '服务',
  'json.wrong': '第 {line} 行不是合法 JSON：{message}',
  'loading': '加载中…',
  'login.enter': '登录',
  'login.title': '登录控制台',
  'login.token': '管理令牌',
  'login.where': '令牌位于数据目录中；也可另行创建，或生成一次性登录链接：',
  'menu': '菜单',
  'page.apps': '应用管理',
  'page.audit': '审计日志',
  'page.backup': '备份',
  'page.calls': '实时调用',
  'page.connect': '接入',
  'page.explorer': 'API 调试',
  'page.faults': '故障、时间与数据',
  'page.fields': '资料字段',
  'page.inbox': '回调收件箱',
  'page.keys': '密钥与管理员',
  'page.none': '此处没有该页面。',
  'page.overview': '概览',
  'page.settings': '设置',
  'page.tokens': '令牌',
  'page.transfer': '导入与导出',
  'page.users': '用户',
  'page.usersig': 'UserSig',
  'page.webhook': '回调',
  'page.words': '敏感词',
  'secret.stored': '已妥善保存',
  'sign.out': '退出',
  'skip': '跳到内容',
  'theme': '浅色或深色',
  'top.clock': '时钟已调整',
  'top.faults': '{n} 条故障规则生效中',
  'type.label': '输入 {text} 以确认',
  'unreachable': '无法连接服务，请确认其正在运行。',

  // API explorer.

  // Live calls.

  // UserSig.

  // Webhook inbox.

  // Faults, time and data.

  // Connect.

  // Users.

  // Fields.

  // Sensitive words.

  // Keys and admins.

  // Settings.

  // Webhook.

  // Import and export.

  // Overview.

  // Apps.
  'apps.about': '本服务的全部应用。应用之间相互独立，各有自己的密钥、字段与用户。',
  'apps.column.accounts': '用户数',
  'apps.column.action': '操作',
  'apps.column.calls': '启动以来调用数',
  'apps.column.last': '最近调用',
  'apps.column.name': '名称',
  'apps.column.state': '状态',
  'apps.create': '创建',
  'apps.empty': '不含用户',
  'apps.made': '应用 {app} 已创建',
  'apps.name': '名称（可选）',
  'apps.never': '启动以来无调用',
  'apps.new': '新建应用',
  'apps.number': 'SDKAppID',
  'apps.numberRule': '1 至 4294967295 的整数',
  'apps.off': '停用',
  'apps.on': '启用',
  'apps.once': '以下为签发 UserSig 的密钥，请立即保存，不会再次显示。',
  'apps.remove': '删除',
  'apps.removeText': '其用户、调用记录与故障规则将一并删除。',
  'apps.removeTitle': '删除临时应用 {app}？',
  'apps.removed': '应用 {app} 已删除',
  'apps.throwAway': '临时应用',
  'apps.throwAwayAbout': '复制 {app} 的设置与示例用户，供单次测试使用；模拟器停止后即消失。',
  'apps.throwAwayBadge': '临时',
  'apps.throwAwayMake': '创建临时应用',
  'apps.throwAwayOnce': '以下为其密钥，App 管理员为 {admin}。密钥不会再次显示。',
  'apps.webhook': '回调发往此处收件箱',

  // Tokens.
  'tokens.about': '为每位成员和每个程序分别创建令牌，用于管理 API 与本控制台。存储中仅保留其哈希。',
  'tokens.column.action': '操作',
  'tokens.column.made': '创建时间',
  'tokens.column.name': '名称',
  'tokens.create': '创建',
  'tokens.local': '即 admin.token 文件；如需更换，请删除该文件并重启服务',
  'tokens.made': '令牌 {name} 已创建',
  'tokens.name': '名称：由谁或何程序使用',
  'tokens.nameRule': '1 至 64 个字母、数字、点、连字符或下划线',
  'tokens.new': '新建令牌',
  'tokens.once': '请立即保存，此令牌不会再次显示。',
  'tokens.revoke': '吊销',
  'tokens.revokeOwn': '您正使用此令牌登录，吊销后将立即退出，且无法恢复。',
  'tokens.revokeText': '使用该令牌的请求将立即被拒绝，且无法恢复。',
  'tokens.revokeTitle': '吊销令牌 {name}？',
  'tokens.revoked': '令牌 {name} 已吊销',

  // Audit log.
  'audit.about': '经管理 API、命令行与本控制台所做的变更。用户以 UserID 的哈希标识。列表不会自动刷新。',
  'audit.all': '全部应用与服务',
  'audit.app': '应用',
  'audit.column.change': '变更前 → 变更后',
  'audit.column.what': '操作',
  'audit.column.when': '时间',
  'audit.column.who': '操作者',
  'audit.count': '已加载 {loaded} 条，显示 {shown} 条',
  'audit.more': '加载更早条目',
  'audit.none': '暂无变更记录。命令行查看：',
  'audit.noneShown': '已加载条目中无匹配项。',
  'audit.refresh': '刷新',
  'audit.who': '筛选已加载条目：操作者、地址、资源',

  // Backup.
  'backup.about': '在服务运行期间，将完整存储（应用、密钥、用户）复制到服务器磁盘，不阻塞任何调用。',
  'backup.checkThis': '校验该备份：',
  'backup.command.check': '校验已停止服务的数据或备份',
  'backup.command.compact': '重写数据库，去除空闲空间与已删除数据的痕迹',
  'backup.command.doctor': '检查该处能否运行服务',
  'backup.command.migrate': '从云端迁移用户及其资料',
  'backup.command.repair': '放弃损坏或丢失日志中的变更，使服务得以重新启动',
  'backup.command.restore': '由备份生成数据目录',
  'backup.commands': '仅限命令行的操作',
  'backup.commandsAbout': '以下操作针对已停止服务的数据，或需要浏览器不具备的条件。',
  'backup.directory': '服务器磁盘上的目录',
  'backup.directoryHint': '须为新目录或空目录，所需空间与数据库相当。',
  'backup.directoryRule': '绝对路径，以 / 开头',
  'backup.done': '备份完成，用时 {took}',
  'backup.new': '新建备份',
  'backup.restore': '由该备份生成数据目录：',
  'backup.running': '正在写入备份到 {directory}；离开本页不影响其进行。',
  'backup.secret': '备份包含密钥与个人数据，请妥善保管。',
  'backup.start': '开始备份',
};
