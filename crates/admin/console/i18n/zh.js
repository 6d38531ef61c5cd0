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
  'path.dots': '浏览器无法请求名为“{text}”的资源，请改用命令行。',
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
  'users.about': '当前应用的账号及其资料。',
  'users.calls.code': '错误码',
  'users.calls.command': '调用',
  'users.calls.none': '暂无涉及该用户的调用，可发起一次：',
  'users.changed': '已修改',
  'users.choose': '选择用户以查看资料。',
  'users.close': '关闭资料',
  'users.create': '创建用户',
  'users.create.about': '1 至 32 字节（UTF-8）。已存在的用户保持不变。',
  'users.create.action': '创建',
  'users.damaged': '已损坏',
  'users.delete': '删除该用户',
  'users.delete.about': '账号及其全部资料将被删除，仅可由备份或导出文件恢复。',
  'users.delete.done': '用户已删除。',
  'users.delete.open': '删除…',
  'users.delete.title': '确定删除该用户？',
  'users.export': '导出该用户',
  'users.export.about': '账号及其全部资料，导出为一行 JSON，可再次导入。',
  'users.export.action': '下载',
  'users.fields': '已设置字段',
  'users.history.about': '仅含管理员在此处或命令行所做的变更；审计日志不记录 /v4 调用。',
  'users.history.created': '创建用户',
  'users.history.deleted': '删除用户',
  'users.history.further': '继续向前查找',
  'users.history.https': '浏览器仅在 HTTPS 或服务所在机器上才能在审计日志中查找该用户。可使用命令行：',
  'users.history.none': '暂无管理员变更过该用户。',
  'users.history.read': '已查找当前应用的 {n} 条日志。',
  'users.history.set': '设置字段',
  'users.history.what': '操作',
  'users.history.when': '时间',
  'users.history.who': '操作者',
  'users.kicked': '登录状态已失效：拒绝此时间及之前签发的 UserSig：',
  'users.leave': '{n} 个字段的修改尚未保存',
  'users.leave.action': '放弃修改',
  'users.more': '再显示 {n} 个',
  'users.nick': '昵称',
  'users.none': '当前应用尚无用户。可在此创建，或导入文件：',
  'users.none.found': '没有 UserID 以此开头：',
  'users.number': '请输入 0 至 {max} 的整数。',
  'users.one': '用户',
  'users.retired': '已停用字段的值',
  'users.save': ({ n }) => (n === 0 ? '保存' : `保存（${n}）`),
  'users.save.action': '保存',
  'users.save.title': '确定修改 {n} 个字段？',
  'users.saved': '资料已保存。',
  'users.search': 'UserID 前缀…',
  'users.shown': '已显示 {n} 个用户。',
  'users.shown.all': '共 {n} 个用户，已全部显示。',
  'users.tab.calls': '调用',
  'users.tab.danger': '导出与删除',
  'users.tab.history': '变更记录',
  'users.tab.profile': '资料',
  'users.undo': '撤销对 {name} 的修改',
  'users.unset': '未设置',

  // Fields.

  // Sensitive words.

  // Keys and admins.

  // Settings.

  // Webhook.

  // Import and export.

  // Overview.

  // Apps.

  // Tokens.

  // Audit log.

  // Backup.
};
